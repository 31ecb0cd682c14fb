#include "base/hash.h"

#include <openssl/evp.h>

#include <bit>
#include <cstring>

#include "base/error.h"

namespace hyprstream {

void Sha256::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Sha256::Sha256() : context_(EVP_MD_CTX_new()) {
  HYPR_CHECK(EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
}

Sha256::~Sha256() = default;

void Sha256::Update(std::span<const std::byte> bytes) {
  HYPR_CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

Sha256Digest Sha256::Finish() {
  Sha256Digest digest;
  HYPR_CHECK(EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) == 1);
  return digest;
}

uint64_t FastChecksum(std::span<const std::byte> bytes) {
  // Eight chains side by side, so that the multiplier's latency is hidden. Each step is a
  // bijection of the chain's state and of the word.
  constexpr size_t kLanes = 8;
  constexpr uint64_t kOdd = 0x9e3779b97f4a7c15u;
  const auto step = [](uint64_t state, uint64_t word) {
    return std::rotl((state ^ word) * kOdd, 29);
  };
  uint64_t lanes[kLanes] = {1, 2, 3, 4, 5, 6, 7, 8};
  const std::byte* p = bytes.data();
  size_t left = bytes.size();
  for (; left >= sizeof(lanes); left -= sizeof(lanes), p += sizeof(lanes)) {
    uint64_t words[kLanes];
    std::memcpy(words, p, sizeof(words));
    for (size_t i = 0; i < kLanes; ++i) lanes[i] = step(lanes[i], words[i]);
  }
  uint64_t tail[kLanes] = {};
  if (left > 0) std::memcpy(tail, p, left);
  uint64_t sum = bytes.size();
  for (size_t i = 0; i < kLanes; ++i) sum = step(sum, step(lanes[i], tail[i]));
  return sum;
}

std::string ToHex(std::span<const uint8_t> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string Sha256Hex(std::span<const std::byte> bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return ToHex(hash.Finish());
}

}  // namespace hyprstream
