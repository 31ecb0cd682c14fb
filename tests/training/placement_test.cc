#include "training/placement.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <numeric>

namespace hyprstream::training {
namespace {

TEST(Placement, TakesTheStrongestOfAllModules) {
  const std::vector<std::vector<float>> strengths{{9, 8, 7}, {6, 1}, {5}};
  const std::vector<int64_t> sizes{10, 10, 10};
  EXPECT_EQ(PlaceComponents(strengths, sizes, {}, {.weights = 40, .cap = 3}),
            (std::vector<int64_t>{3, 1, 0}));
  EXPECT_EQ(PlaceComponents(strengths, sizes, {}, {.weights = 40, .cap = 2}),
            (std::vector<int64_t>{2, 1, 1}));
  const std::vector<int64_t> taken{1, 0, 0};
  EXPECT_EQ(PlaceComponents(strengths, sizes, taken, {.weights = 40, .cap = 2}),
            (std::vector<int64_t>{1, 2, 1}));
}

TEST(Placement, PassesOverWhatDoesNotFit) {
  const std::vector<std::vector<float>> strengths{{9, 8}, {6, 5, 4}};
  EXPECT_EQ(
      PlaceComponents(strengths, std::vector<int64_t>{100, 10}, {}, {.weights = 125, .cap = 9}),
      (std::vector<int64_t>{1, 2}));
}

RC_GTEST_PROP(Placement, NeverExceedsItsBounds, ()) {
  const auto modules = *rc::gen::inRange<size_t>(1, 12);
  std::vector<std::vector<float>> strengths;
  std::vector<int64_t> sizes;
  for (size_t m = 0; m < modules; ++m) {
    auto row = *rc::gen::container<std::vector<float>>(
        rc::gen::map(rc::gen::inRange(0, 100), [](int v) { return static_cast<float>(v); }));
    std::sort(row.rbegin(), row.rend());
    strengths.push_back(row);
    sizes.push_back(*rc::gen::inRange<int64_t>(1, 50));
  }
  const PlacementOptions options{.weights = *rc::gen::inRange<int64_t>(0, 500),
                                 .cap = *rc::gen::inRange<int64_t>(0, 6)};
  const auto given = PlaceComponents(strengths, sizes, {}, options);
  int64_t weights = 0;
  for (size_t m = 0; m < modules; ++m) {
    RC_ASSERT(given[m] <= options.cap);
    RC_ASSERT(given[m] <= static_cast<int64_t>(strengths[m].size()));
    weights += given[m] * sizes[m];
  }
  RC_ASSERT(weights <= options.weights);
}

TEST(Placement, TheCapIsALittleMoreThanAFairShare) {
  EXPECT_EQ(DefaultCap(100, 42), 3);
  EXPECT_EQ(DefaultCap(27, 42), 2);
}

}  // namespace
}  // namespace hyprstream::training
