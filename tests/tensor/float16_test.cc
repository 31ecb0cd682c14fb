// Both half formats, every bit pattern, against arithmetic on exponents and mantissas in double.
#include "tensor/float16.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

namespace hyprstream {
namespace {

/// The value of a small float with the given widths, from the definition.
double Value(uint32_t bits, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const uint32_t mantissa = bits & ((1u << mantissa_bits) - 1);
  const int exponent = static_cast<int>(bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const double sign = (bits >> (exponent_bits + mantissa_bits)) & 1 ? -1.0 : 1.0;
  if (exponent == (1 << exponent_bits) - 1) {
    return mantissa != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
  }
  const double fraction = std::ldexp(static_cast<double>(mantissa), -mantissa_bits);
  return exponent == 0 ? sign * std::ldexp(fraction, 1 - bias)
                       : sign * std::ldexp(1.0 + fraction, exponent - bias);
}

bool SameBits(float a, float b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

/// Narrowing by search: the nearer of the two neighbours, of equally near ones the even one.
class Nearest {
 public:
  Nearest(int exponent_bits, int mantissa_bits)
      : infinity_(((1u << exponent_bits) - 1) << mantissa_bits) {
    for (uint32_t bits = 0; bits < infinity_; ++bits) {
      values_.push_back(Value(bits, exponent_bits, mantissa_bits));
    }
    // What the next step would be decides where rounding goes to infinity.
    values_.push_back(2 * values_.back() - values_[infinity_ - 2]);
  }

  uint16_t operator()(float value) const {
    const double magnitude = std::fabs(static_cast<double>(value));
    const uint32_t sign = std::signbit(value) ? 0x8000u : 0;
    if (magnitude >= values_.back()) return static_cast<uint16_t>(sign | infinity_);
    const auto above = std::upper_bound(values_.begin(), values_.end(), magnitude);
    const auto low = static_cast<uint32_t>(above - values_.begin()) - 1;
    const double to_low = magnitude - values_[low];
    const double to_high = values_[low + 1] - magnitude;
    const bool up = to_high < to_low || (to_high == to_low && low % 2 == 1);
    return static_cast<uint16_t>(sign | (low + (up ? 1 : 0)));
  }

 private:
  uint32_t infinity_;
  std::vector<double> values_;
};

TEST(Float16, EveryHalfWidensToItsValue) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const double expected = Value(bits, 5, 10);
    const float found = F16ToF32(static_cast<uint16_t>(bits));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(found)) << bits;
    } else {
      ASSERT_TRUE(SameBits(found, static_cast<float>(expected))) << bits;
    }
  }
}

TEST(Float16, EveryBfloat16WidensToItsValue) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const double expected = Value(bits, 8, 7);
    const float found = BF16ToF32(static_cast<uint16_t>(bits));
    if (std::isnan(expected)) {
      ASSERT_TRUE(std::isnan(found)) << bits;
    } else {
      ASSERT_TRUE(SameBits(found, static_cast<float>(expected))) << bits;
    }
  }
}

TEST(Float16, WideningAndNarrowingGivesTheSameBits) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    if (!std::isnan(F16ToF32(half))) {
      ASSERT_EQ(F32ToF16(F16ToF32(half)), half);
    }
    if (!std::isnan(BF16ToF32(half))) {
      ASSERT_EQ(F32ToBF16(BF16ToF32(half)), half);
    }
  }
}

/// Every value of the narrow type, the middle to the next one, and the floats around both.
void CheckNarrowing(int exponent_bits, int mantissa_bits, uint16_t (*narrow)(float)) {
  const Nearest nearest(exponent_bits, mantissa_bits);
  const uint32_t infinity = ((1u << exponent_bits) - 1) << mantissa_bits;
  for (uint32_t bits = 0; bits < infinity; ++bits) {
    const double here = Value(bits, exponent_bits, mantissa_bits);
    const double next = bits + 1 == infinity
                            ? 2 * here - Value(bits - 1, exponent_bits, mantissa_bits)
                            : Value(bits + 1, exponent_bits, mantissa_bits);
    for (const double point : {here, (here + next) / 2}) {
      const auto exact = static_cast<float>(point);
      for (const float value :
           {exact, std::nextafter(exact, 0.0f), std::nextafter(exact, INFINITY)}) {
        if (std::isinf(value)) continue;
        ASSERT_EQ(narrow(value), nearest(value)) << value;
        ASSERT_EQ(narrow(-value), nearest(-value)) << value;
      }
    }
  }
}

TEST(Float16, NarrowingToHalfRoundsToNearestEven) { CheckNarrowing(5, 10, F32ToF16); }

TEST(Float16, NarrowingToBfloat16RoundsToNearestEven) { CheckNarrowing(8, 7, F32ToBF16); }

TEST(Float16, InfinityAndNanStayWhatTheyAre) {
  for (const float sign : {1.0f, -1.0f}) {
    EXPECT_EQ(F16ToF32(F32ToF16(sign * INFINITY)), sign * INFINITY);
    EXPECT_EQ(BF16ToF32(F32ToBF16(sign * INFINITY)), sign * INFINITY);
  }
  for (const uint32_t bits : {0x7fc00000u, 0x7f800001u, 0xffc12345u, 0xff800001u, 0x7fffffffu}) {
    EXPECT_TRUE(std::isnan(F16ToF32(F32ToF16(std::bit_cast<float>(bits)))));
    EXPECT_TRUE(std::isnan(BF16ToF32(F32ToBF16(std::bit_cast<float>(bits)))));
  }
}

TEST(Float16, LargestValuesGoToInfinityFromTheMiddleOn) {
  EXPECT_EQ(F32ToF16(65519.996f), 0x7bff);
  EXPECT_EQ(F32ToF16(65520.0f), 0x7c00);
  EXPECT_EQ(F32ToBF16(std::bit_cast<float>(0x7f7f7fffu)), 0x7f7f);
  EXPECT_EQ(F32ToBF16(std::bit_cast<float>(0x7f7f8000u)), 0x7f80);
}

}  // namespace
}  // namespace hyprstream
