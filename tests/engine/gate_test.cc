#include "engine/gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace hyprstream::engine {
namespace {

using ::testing::HasSubstr;

GateLosses Better() {
  return {.heldout_before = {5.0, 4.0},
          .heldout = {1.0, 0.5},
          .known = 0,
          .general_base = {0.2, 0.1},
          .general_before = {0.2, 0.1},
          .general = {0.2, 0.1},
          .general_targets = {10.0, 10.0}};
}

TEST(Gate, PromotesWhatPredictsHeldOutSamplesBetter) { EXPECT_TRUE(Judge(Better()).promote); }

TEST(Gate, RejectsWhatDoesNotPredictHeldOutSamplesBetter) {
  GateLosses losses = Better();
  losses.heldout = losses.heldout_before;
  EXPECT_FALSE(Judge(losses).promote);
  EXPECT_THAT(Judge(losses).reason, HasSubstr("held-out"));
}

TEST(Gate, LetsTheGeneralLossGrowByOnePercent) {
  GateLosses losses = Better();
  losses.general = {0.2029, 0.1};
  EXPECT_TRUE(Judge(losses).promote);
  losses.general = {0.2031, 0.1};
  EXPECT_FALSE(Judge(losses).promote);
  EXPECT_THAT(Judge(losses).reason, HasSubstr("knew"));
}

TEST(Gate, ManySmallStepsEndAtFivePercent) {
  GateLosses losses = Better();
  losses.general_before = {0.207, 0.1035};  // 3.5 % above the base
  losses.general = {0.209, 0.1045};
  EXPECT_TRUE(Judge(losses).promote);
  losses.general_before = {0.2095, 0.1047};
  losses.general = {0.2103, 0.105};
  EXPECT_FALSE(Judge(losses).promote);
}

TEST(Gate, CountsEveryTokenOfTheGeneralSamplesAlike) {
  GateLosses losses = Better();
  losses.general_targets = {400.0, 1.0};
  losses.general = {0.2, 0.3};
  EXPECT_TRUE(Judge(losses).promote);
  losses.general_targets = {1.0, 400.0};
  EXPECT_FALSE(Judge(losses).promote);
}

TEST(Gate, RejectsWhatForgetsWhatHadBeenTaught) {
  GateLosses losses{.heldout_before = {0.2, 0.2, 9.0},
                    .heldout = {0.25, 0.3, 1.0},
                    .known = 2,
                    .general_base = {},
                    .general_before = {},
                    .general = {},
                    .general_targets = {}};
  EXPECT_TRUE(Judge(losses).promote);
  losses.heldout = {0.4, 0.45, 1.0};  // better on average, but not at what was there before
  EXPECT_FALSE(Judge(losses).promote);
  EXPECT_THAT(Judge(losses).reason, HasSubstr("taught before"));
}

TEST(Gate, NeverPromotesALossThatIsNoNumber) {
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    GateLosses losses = Better();
    losses.general[0] = bad;
    EXPECT_FALSE(Judge(losses).promote);
    losses = Better();
    losses.heldout[0] = bad;
    EXPECT_FALSE(Judge(losses).promote);
  }
}

TEST(Gate, WithoutHeldOutSamplesNothingIsJudged) {
  EXPECT_TRUE(Judge({.general_base = {0.1},
                     .general_before = {0.1},
                     .general = {0.5},
                     .general_targets = {3.0}})
                  .promote);
}

}  // namespace
}  // namespace hyprstream::engine
