// The packed layout is kept in files between runs, so a change of it must be told by its version.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/hash.h"
#include "kernels/cpu/pack.h"
#include "tensor/tensor.h"

namespace hyprstream::kernels {
namespace {

struct Golden {
  DType type;
  const char* sha256;  // its first 16 digits
};

// Of kPackedLayoutVersion 1.
constexpr Golden kGolden[] = {
    {DType::kQ4_0, "7bcd4ba540795d75"}, {DType::kQ4_1, "e7aaefbdf35b10aa"},
    {DType::kQ5_0, "77adc7aea077a4cd"}, {DType::kQ5_1, "0df1520c1cd342e8"},
    {DType::kQ8_0, "4e2973987e5e9923"}, {DType::kIQ4_NL, "7bcd4ba540795d75"},
    {DType::kQ2_K, "d20f37ea441c4a07"}, {DType::kQ3_K, "f8a4005904ce7d01"},
    {DType::kQ4_K, "833b25309ceaa78f"}, {DType::kQ5_K, "66e23c64bbd1c4dd"},
    {DType::kQ6_K, "858c8bd8d8917847"}, {DType::kIQ4_XS, "af991dd30fe7d0cd"},
};

// 37 rows (a last strip of five) of 544 elements, or 512 where blocks are of 256: records that are
// whole and, where a type allows it, one that is not.
std::string PackedDigest(DType type) {
  const int64_t cols = Info(type).block_elements == 256 ? 512 : 544;
  constexpr int64_t kRows = 37;
  Tensor weight(type, {kRows, cols});
  auto* bytes = const_cast<std::byte*>(weight.view().bytes.data());
  uint32_t state = 1;
  for (size_t i = 0; i < weight.view().bytes.size(); ++i) {
    state = state * 1664525u + 1013904223u;  // Numerical Recipes' generator
    bytes[i] = static_cast<std::byte>(state >> 24);
  }
  const int64_t strips = (kRows + 15) / 16;
  const int64_t stride = PackedStripBytes(static_cast<int64_t>(weight.view().row_bytes()));
  AlignedBuffer packed(static_cast<size_t>(strips * stride));
  PackStrips(weight.view(), 0, strips, packed.data());
  return Sha256Hex({packed.data(), packed.size()}).substr(0, 16);
}

TEST(PackedLayout, IsTheOneOfItsVersion) {
  ASSERT_EQ(kPackedLayoutVersion, 1) << "the checksums below belong to another version";
  for (const Golden& golden : kGolden) {
    EXPECT_EQ(PackedDigest(golden.type), golden.sha256)
        << Name(golden.type)
        << ": the packed layout changed. Bump kPackedLayoutVersion (kernels/cpu/pack.h), then "
           "write the new checksums and version here.";
  }
}

TEST(PackedLayout, EveryTypeHasAGoldenChecksum) {
  for (int i = static_cast<int>(DType::kQ4_0); i <= static_cast<int>(DType::kIQ4_XS); ++i) {
    const auto type = static_cast<DType>(i);
    EXPECT_EQ(std::ranges::count(kGolden, type, &Golden::type), 1) << Name(type);
  }
}

}  // namespace
}  // namespace hyprstream::kernels
