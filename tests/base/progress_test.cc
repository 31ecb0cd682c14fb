#include "base/progress.h"

#include <gtest/gtest.h>

#include <vector>

namespace hyprstream {
namespace {

TEST(Progress, NeverFallsAndEndsComplete) {
  std::vector<ProgressUpdate> updates;
  Progress progress([&](const ProgressUpdate& update) { updates.push_back(update); }, "work", 1000);
  for (int i = 0; i < 1000; ++i) progress.Advance(1);
  progress.Finish();
  ASSERT_GE(updates.size(), 2u);
  EXPECT_LT(updates.size(), 1000u);
  for (size_t i = 1; i < updates.size(); ++i) EXPECT_GE(updates[i].done, updates[i - 1].done);
  EXPECT_EQ(updates.back().done, 1000u);
  EXPECT_EQ(updates.back().total, 1000u);
  EXPECT_EQ(updates.back().what, "work");
}

TEST(Progress, AnUnknownTotalIsWhatWasDone) {
  ProgressUpdate last;
  Progress progress([&](const ProgressUpdate& update) { last = update; }, "work", 0);
  progress.Advance(7);
  progress.Finish();
  EXPECT_EQ(last.done, 7u);
  EXPECT_EQ(last.total, 7u);
}

TEST(Progress, NobodyNeedsToListen) {
  Progress progress({}, "work", 10);
  progress.Advance(10);
  progress.Finish();
}

}  // namespace
}  // namespace hyprstream
