// Every type that can be computed with against independent values, bit for bit.
#include "tensor/dequantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "formats/safetensors.h"
#include "support/data.h"
#include "tensor/blocks.h"

namespace hyprstream {
namespace {

constexpr int kTypes = static_cast<int>(DType::kQ2_0) + 1;

std::vector<float> Widen(DType type, std::span<const std::byte> row, size_t elements) {
  std::vector<float> out(elements, -7.0f);
  DequantizeRow(type, row, out);
  return out;
}

bool SameBits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

TEST(Dequantize, EveryBlockTypeOfTheFixtureEqualsGgmlOrIsRefused) {
  const auto file =
      formats::SafetensorsFile::Open(testing::DataPath("fixtures/blocks/blocks.safetensors"));
  int computed = 0;
  int refused = 0;
  for (int i = 0; i < kTypes; ++i) {
    const auto type = static_cast<DType>(i);
    const auto* bytes = file->Find(std::string(Name(type)) + ".bytes");
    const auto* values = file->Find(std::string(Name(type)) + ".values");
    if (bytes == nullptr) continue;
    ASSERT_NE(values, nullptr);
    const auto expected = values->view.As<float>();
    ASSERT_EQ(RowBytes(type, expected.size()), bytes->view.bytes.size()) << Name(type);
    if (CanDequantize(type)) {
      ++computed;
      EXPECT_TRUE(SameBits(Widen(type, bytes->view.bytes, expected.size()), expected))
          << Name(type);
    } else {
      ++refused;
      const TensorView view{type, {static_cast<int64_t>(expected.size())}, bytes->view.bytes};
      EXPECT_THROW(DequantizeToF32(view), Error) << Name(type);
    }
  }
  EXPECT_EQ(computed, 13);  // the twelve block types and BF16
  EXPECT_EQ(refused, 12);
}

TEST(Dequantize, RefusalIsUnsupportedAndNamesTheType) {
  const std::vector<std::byte> bytes(66);
  try {
    DequantizeToF32({DType::kIQ2_XXS, {256}, bytes});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_NE(std::string(error.what()).find("IQ2_XXS"), std::string::npos);
  }
}

struct Vector {
  DType type;
  std::vector<size_t> scale_at;  // half 1.0
  std::vector<size_t> min_at;    // half 0.5
  float first;
  float second;
  float third;
  float middle;
  float last;
  double sum;
};

/// Block bytes are (37·i + 11) mod 256 but for the scales.
TEST(Dequantize, PublishedVectorsOfEachBlockType) {
  const Vector vectors[] = {
      {DType::kQ4_0, {0}, {}, -3, 2, 7, -3, 0, -21},
      {DType::kQ4_1, {0}, {2}, 15.5, 4.5, 9.5, 9.5, 12.5, 261},
      {DType::kQ5_0, {0}, {}, 9, -2, 3, 14, 1, 15},
      {DType::kQ5_1, {0}, {2}, 19.5, 24.5, 29.5, 19.5, 5.5, 521},
      {DType::kQ8_0, {0}, {}, 85, 122, -97, -91, -48, -176},
      {DType::kQ2_K, {80}, {82}, 33, 0, 11, 7.5, 4.5, 2059},
      {DType::kQ3_K, {108}, {}, 81, -108, 27, 2, 42, 958},
      {DType::kQ4_K, {0}, {2}, 315.5, -25.5, 129.5, 423, 48.5, 54440},
      {DType::kQ5_K, {0}, {2}, 811.5, -25.5, 625.5, 1047, 108.5, 116216},
      {DType::kQ6_K, {208}, {}, -1431, 1696, 583, -351, -60, 4612},
      {DType::kIQ4_NL, {0}, {}, -35, 25, 113, -35, 1, -257},
      {DType::kIQ4_XS, {0}, {}, 65, -1, -69, -585, -16, -11005},
  };
  for (const Vector& vector : vectors) {
    SCOPED_TRACE(Name(vector.type));
    const auto n = static_cast<size_t>(Info(vector.type).block_elements);
    std::vector<std::byte> block(static_cast<size_t>(Info(vector.type).block_bits / 8));
    for (size_t i = 0; i < block.size(); ++i)
      block[i] = static_cast<std::byte>((37 * i + 11) % 256);
    const auto set = [&](size_t at, uint16_t half) { std::memcpy(&block[at], &half, 2); };
    for (const size_t at : vector.scale_at) set(at, 0x3c00);
    for (const size_t at : vector.min_at) set(at, 0x3800);
    const std::vector<float> y = Widen(vector.type, block, n);
    EXPECT_EQ(y[0], vector.first);
    EXPECT_EQ(y[1], vector.second);
    EXPECT_EQ(y[2], vector.third);
    EXPECT_EQ(y[n / 2], vector.middle);
    EXPECT_EQ(y[n - 1], vector.last);
    EXPECT_EQ(std::accumulate(y.begin(), y.end(), 0.0), vector.sum);
  }
}

template <typename T>
void ExpectNumbers(DType type, std::vector<T> stored, const std::vector<float>& expected) {
  EXPECT_TRUE(SameBits(Widen(type, std::as_bytes(std::span(stored)), stored.size()), expected))
      << Name(type);
}

TEST(Dequantize, WholeNumbersBecomeTheirValue) {
  ExpectNumbers<uint8_t>(DType::kBool, {0, 1, 255}, {0, 1, 1});
  ExpectNumbers<uint8_t>(DType::kU8, {0, 255}, {0, 255});
  ExpectNumbers<int8_t>(DType::kI8, {-128, 127}, {-128, 127});
  ExpectNumbers<uint16_t>(DType::kU16, {65535}, {65535});
  ExpectNumbers<int16_t>(DType::kI16, {-32768}, {-32768});
  ExpectNumbers<uint32_t>(DType::kU32, {4294967295u}, {4294967296.0f});
  ExpectNumbers<int32_t>(DType::kI32, {-2147483647 - 1}, {-2147483648.0f});
  ExpectNumbers<uint64_t>(DType::kU64, {uint64_t{1} << 63}, {9223372036854775808.0f});
  ExpectNumbers<int64_t>(DType::kI64, {-5, int64_t{1} << 40}, {-5, 1099511627776.0f});
}

TEST(Dequantize, FloatsKeepTheirBitsAndDoublesRound) {
  ExpectNumbers<float>(DType::kF32, {-0.0f, 1e-40f, INFINITY}, {-0.0f, 1e-40f, INFINITY});
  ExpectNumbers<double>(DType::kF64, {0.1, -1e300}, {0.1f, -INFINITY});
}

/// The value from the definition of the type; OCP 8-bit floating point specification, table 1.
double SmallFloat(uint32_t bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const auto exponent = static_cast<int>(bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const double fraction = std::ldexp(bits & ((1u << mantissa_bits) - 1), -mantissa_bits);
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, 1 - bias) : std::ldexp(1 + fraction, exponent - bias);
  return (bits & 0x80) != 0 ? -magnitude : magnitude;
}

TEST(Dequantize, EveryFp8E4M3) {
  for (uint32_t bits = 0; bits < 256; ++bits) {
    const auto byte = static_cast<std::byte>(bits);
    const float found = Widen(DType::kF8E4M3, std::span(&byte, 1), 1)[0];
    if ((bits & 0x7f) == 0x7f) {
      EXPECT_TRUE(std::isnan(found));
    } else {
      EXPECT_EQ(found, SmallFloat(bits, 4, 3)) << bits;
      EXPECT_EQ(std::signbit(found), bits >= 128);
    }
  }
}

TEST(Dequantize, EveryFp8E5M2) {
  for (uint32_t bits = 0; bits < 256; ++bits) {
    const auto byte = static_cast<std::byte>(bits);
    const float found = Widen(DType::kF8E5M2, std::span(&byte, 1), 1)[0];
    if ((bits & 0x7f) > 0x7c) {
      EXPECT_TRUE(std::isnan(found));
    } else if ((bits & 0x7f) == 0x7c) {
      EXPECT_TRUE(std::isinf(found));
    } else {
      EXPECT_EQ(found, SmallFloat(bits, 5, 2)) << bits;
    }
    EXPECT_EQ(std::signbit(found), bits >= 128);
  }
}

TEST(Dequantize, RowsNeedNoAlignment) {
  std::vector<std::byte> bytes(4 * 8 + 1);
  const float values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
  std::memcpy(bytes.data() + 1, values, sizeof(values));
  EXPECT_TRUE(SameBits(Widen(DType::kF32, std::span(bytes).subspan(1), 8), values));
}

TEST(Dequantize, WholeTensorsKeepShapeAndOrderOfRows) {
  const std::vector<uint16_t> bf16 = {0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0};
  const Tensor wide = DequantizeToF32({DType::kBF16, {3, 2}, std::as_bytes(std::span(bf16))});
  EXPECT_EQ(wide.shape(), (Shape{3, 2}));
  const std::vector<float> expected = {1, 2, 3, 4, 5, 6};
  EXPECT_TRUE(SameBits(wide.As<float>(), expected));
}

TEST(Dequantize, EmptyTensorsOfManyRowsCostNothing) {
  const Tensor wide = DequantizeToF32({DType::kF32, {int64_t{1} << 62, 0}, {}});
  EXPECT_EQ(wide.As<float>().size(), 0u);
}

}  // namespace
}  // namespace hyprstream
