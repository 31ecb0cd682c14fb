#include "base/hash.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace hyprstream {
namespace {

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

// Vectors of FIPS 180-4.
TEST(Sha256, EqualsThePublishedVectors) {
  EXPECT_EQ(Sha256Hex({}), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex(Bytes("abc")),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(Bytes(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256, PiecesGiveTheSameAsTheWhole) {
  const std::string text(1000, 'q');
  for (const size_t cut : {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{999}}) {
    Sha256 hash;
    hash.Update(Bytes(text).first(cut));
    hash.Update(Bytes(text).subspan(cut));
    EXPECT_EQ(ToHex(hash.Finish()), Sha256Hex(Bytes(text)));
  }
}

TEST(ToHex, IsLowerCaseWithLeadingZeros) {
  const uint8_t bytes[] = {0x00, 0x0f, 0xf0, 0xab};
  EXPECT_EQ(ToHex(bytes), "000ff0ab");
}

TEST(FastChecksum, TellsEverySingleChangedBitAndEveryLength) {
  std::vector<std::byte> bytes(200);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7);
  const uint64_t sum = FastChecksum(bytes);
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
    EXPECT_NE(FastChecksum(bytes), sum) << bit;
    bytes[bit / 8] ^= static_cast<std::byte>(1 << (bit % 8));
  }
  const std::vector<std::byte> zeros(200);
  for (size_t size = 1; size <= zeros.size(); ++size) {
    EXPECT_NE(FastChecksum(std::span(zeros).first(size)),
              FastChecksum(std::span(zeros).first(size - 1)));
  }
}

}  // namespace
}  // namespace hyprstream
