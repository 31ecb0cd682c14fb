#include "engine/exponential.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "base/random.h"

namespace hyprstream::engine {
namespace {

TEST(Exponential, AgreesWithTheLibraryToAFewUlps) {
  double worst = 0;
  for (int i = 0; i <= 200000; ++i) {
    const double x = -700.0 * i / 200000.0;
    worst = std::max(worst, std::abs(ExpOfNegative(x) / std::exp(x) - 1.0));
  }
  EXPECT_LT(worst, 4e-16);
  EXPECT_EQ(ExpOfNegative(0.0), 1.0);
}

TEST(Exponential, FarBelowIsTinyButNeverNan) {
  for (const double x : {-701.0, -1e6, -1e300, -std::numeric_limits<double>::infinity()}) {
    EXPECT_GE(ExpOfNegative(x), 0.0);
    EXPECT_LT(ExpOfNegative(x), 1e-300);
  }
}

TEST(Exponential, LogSumExpEqualsLongDoubleArithmetic) {
  const CounterRandom random(3);
  for (const size_t size : {1u, 7u, 8u, 9u, 1000u, 4099u}) {
    std::vector<float> values(size);
    float largest = -1000;
    for (size_t i = 0; i < size; ++i) {
      values[i] = static_cast<float>(random.Uniform(i) * 40 - 20);
      largest = std::max(largest, values[i]);
    }
    long double sum = 0;
    for (const float value : values) sum += std::exp(static_cast<long double>(value));
    EXPECT_NEAR(LogSumExp(values, largest), static_cast<double>(std::log(sum)), 1e-13);
  }
}

TEST(Exponential, TermsAreTheSummands) {
  std::vector<float> values = {0.5f, -1.0f, 0.25f, -7.0f, 0.0f, 0.1f, 0.2f, 0.3f, 0.4f, -2.0f};
  std::vector<double> terms(values.size());
  const double sum = SumOfExponentials(values, 0.5f, 2.0, terms);
  double again = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_NEAR(terms[i], std::exp((static_cast<double>(values[i]) - 0.5) * 2.0), 1e-15);
    again += terms[i];
  }
  EXPECT_NEAR(sum, again, 1e-14);
}

// Computed in Python from the published SplitMix64; texts of a seed depend on them.
TEST(Random, NumbersOfASeedAreFixedForever) {
  EXPECT_EQ(CounterRandom(42).Bits(0), 0x989b3f130a063869u);
  EXPECT_EQ(CounterRandom(42).Bits(1), 0x290db4bf2570ded7u);
  EXPECT_EQ(CounterRandom(0xffffffffffffffffu).Bits(7), 0xc62e5652a694833fu);
}

TEST(Random, FirstNumbersOfNeighbouringSeedsAreUniform) {
  double mean = 0;
  for (uint64_t i = 0; i < 10000; ++i) mean += CounterRandom(i).Uniform(0) / 10000;
  EXPECT_NEAR(mean, 0.5, 0.02);  // 7 standard deviations
}

}  // namespace
}  // namespace hyprstream::engine
