#include "training/sample_order.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

namespace hyprstream::training {
namespace {

RC_GTEST_PROP(SampleOrder, EveryEpochDrawsEachSampleOnce, (uint64_t seed)) {
  const auto count = *rc::gen::inRange<size_t>(1, 50);
  SampleOrder order(count, seed);
  for (uint64_t epoch = 0; epoch < 3; ++epoch) {
    std::set<size_t> seen;
    for (uint64_t i = 0; i < count; ++i) seen.insert(order.At(epoch * count + i));
    RC_ASSERT(seen.size() == count && *seen.rbegin() == count - 1);
  }
}

RC_GTEST_PROP(SampleOrder, ADrawDependsOnItsNumberOnly, (uint64_t seed)) {
  const auto count = *rc::gen::inRange<size_t>(1, 50);
  SampleOrder forward(count, seed);
  SampleOrder anywhere(count, seed);
  std::vector<size_t> draws;
  for (uint64_t n = 0; n < 200; ++n) draws.push_back(forward.At(n));
  for (uint64_t n = 200; n-- > 0;) RC_ASSERT(anywhere.At(n) == draws[n]);
}

TEST(SampleOrder, EpochsAndSeedsDiffer) {
  const auto draws = [](uint64_t seed, uint64_t from) {
    SampleOrder order(40, seed);
    std::vector<size_t> result;
    for (uint64_t n = 0; n < 40; ++n) result.push_back(order.At(from + n));
    return result;
  };
  EXPECT_NE(draws(1, 0), draws(1, 40));
  EXPECT_NE(draws(1, 0), draws(2, 0));
}

}  // namespace
}  // namespace hyprstream::training
