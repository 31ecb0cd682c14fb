#include "tensor/dtype.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <string_view>

#include "tensor/blocks.h"
#include "tensor/dequantize.h"

namespace hyprstream {
namespace {

constexpr int kTypes = static_cast<int>(DType::kQ2_0) + 1;

TEST(DType, NamesAreUnique) {
  std::set<std::string_view> names;
  for (int i = 0; i < kTypes; ++i) names.insert(Name(static_cast<DType>(i)));
  EXPECT_EQ(names.size(), static_cast<size_t>(kTypes));
}

TEST(DType, BlocksAreAsLargeAsTheirStructs) {
  EXPECT_EQ(RowBytes(DType::kQ4_K, 512), 2 * sizeof(BlockQ4_K));
  EXPECT_EQ(RowBytes(DType::kQ8_0, 32), sizeof(BlockQ8_0));
  EXPECT_EQ(RowBytes(DType::kIQ4_XS, 256), sizeof(BlockIQ4_XS));
}

TEST(DType, RowsMustBeWholeBlocksAndWholeBytes) {
  EXPECT_EQ(RowBytes(DType::kQ4_0, 33), std::nullopt);
  EXPECT_EQ(RowBytes(DType::kQ6_K, 128), std::nullopt);
  EXPECT_EQ(RowBytes(DType::kF4, 3), std::nullopt);
  EXPECT_EQ(RowBytes(DType::kF4, 4), 2u);
  EXPECT_EQ(RowBytes(DType::kF6E2M3, 4), 3u);
  EXPECT_EQ(RowBytes(DType::kF32, 0), 0u);
}

TEST(DType, RowSizesThatOverflowAreRefused) {
  EXPECT_EQ(RowBytes(DType::kF64, std::numeric_limits<uint64_t>::max()), std::nullopt);
  EXPECT_EQ(RowBytes(DType::kQ2_K, std::numeric_limits<uint64_t>::max() / 256 * 256), std::nullopt);
}

TEST(DType, WhatCanBeComputedIsPlainOrQuantized) {
  for (int i = 0; i < kTypes; ++i) {
    const auto type = static_cast<DType>(i);
    EXPECT_EQ(CanDequantize(type), type <= DType::kIQ4_XS) << Name(type);
    EXPECT_TRUE(CanDequantize(type) || !(IsFloat(type) || IsQuantized(type))) << Name(type);
    EXPECT_FALSE(IsFloat(type) && IsQuantized(type));
  }
}

}  // namespace
}  // namespace hyprstream
