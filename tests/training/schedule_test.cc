#include "training/schedule.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hyprstream::training {
namespace {

TEST(Schedule, WarmsUpLinearlyToThePeak) {
  const Schedule schedule{.peak = 1.0, .decay = Decay::kConstant, .warmup = 4};
  EXPECT_DOUBLE_EQ(schedule.At(0), 0.25);
  EXPECT_DOUBLE_EQ(schedule.At(3), 1.0);
  EXPECT_DOUBLE_EQ(schedule.At(1000000), 1.0);
}

TEST(Schedule, LinearFallsToItsShareAtTheEnd) {
  const Schedule schedule{.peak = 2.0, .decay = Decay::kLinear, .steps = 10, .final_share = 0.1};
  EXPECT_DOUBLE_EQ(schedule.At(0), 2.0);
  EXPECT_DOUBLE_EQ(schedule.At(5), 2.0 * 0.55);
  EXPECT_DOUBLE_EQ(schedule.At(10), 0.2);
  EXPECT_DOUBLE_EQ(schedule.At(11), 0.2);
}

TEST(Schedule, CosineIsHalfWayInTheMiddle) {
  const Schedule schedule{
      .peak = 1.0, .decay = Decay::kCosine, .warmup = 2, .steps = 12, .final_share = 0.0};
  EXPECT_DOUBLE_EQ(schedule.At(2), 1.0);
  EXPECT_NEAR(schedule.At(7), 0.5, 1e-12);
  EXPECT_NEAR(schedule.At(12), 0.0, 1e-12);
}

TEST(Schedule, NamesAreReadAndWritten) {
  for (const Decay decay : {Decay::kConstant, Decay::kLinear, Decay::kCosine}) {
    EXPECT_EQ(ParseDecay(DecayName(decay)), decay);
  }
  EXPECT_THROW(ParseDecay("step"), Error);
}

}  // namespace
}  // namespace hyprstream::training
