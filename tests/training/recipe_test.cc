// What a run is made of unless somebody says otherwise.
#include "training/recipe.h"

#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <vector>

namespace hyprstream::training {
namespace {

std::vector<Sample> Samples(size_t count) {
  return std::vector<Sample>(count, {.ids = {1, 2}, .labels = {kIgnoredLabel, 2}});
}

int64_t Replayed(const RunOptions& run) {
  return std::llround(static_cast<double>(run.batch) * run.replay_share);
}

TEST(MakeRecipe, TwoOfThreeSamplesAreReplayed) {
  const Recipe recipe =
      MakeRecipe({.train = Samples(60), .replay = Samples(9)}, adapters::AdapterKind::kSparse);
  EXPECT_EQ(recipe.run.batch, 12);
  EXPECT_EQ(recipe.run.batch - Replayed(recipe.run), 4);
  EXPECT_EQ(recipe.run.schedule.steps, 33 * 60 / 4);
  EXPECT_EQ(recipe.run.replay_evenness, 0.5);
}

TEST(MakeRecipe, WithoutReplayAllOfABatchIsNew) {
  const Recipe recipe = MakeRecipe({.train = Samples(160)}, adapters::AdapterKind::kSparse);
  EXPECT_EQ(recipe.run.batch, 16);
  EXPECT_EQ(Replayed(recipe.run), 0);
  EXPECT_EQ(recipe.run.schedule.steps, 33 * 160 / 16);
}

TEST(MakeRecipe, FewSamplesStillMakeStepsAndManyStayAffordable) {
  const auto steps = [](size_t samples, std::optional<int64_t> batch) {
    return MakeRecipe({.train = Samples(samples), .replay = Samples(9)},
                      adapters::AdapterKind::kSparse, {.batch = batch})
        .run.schedule.steps;
  };
  EXPECT_EQ(steps(1, {}), 60);
  EXPECT_EQ(steps(10'000, {}), 24'000 / 12);
  EXPECT_EQ(steps(10'000, 24), 24'000 / 24);
  EXPECT_EQ(steps(10'000, 24'000), 60);
}

TEST(MakeRecipe, WishesComeFirst) {
  const RunData data{.train = Samples(10), .replay = Samples(9)};
  const Recipe recipe =
      MakeRecipe(data, adapters::AdapterKind::kLora,
                 {.epochs = 12, .batch = 6, .accumulate = 3, .replay_evenness = 0.0});
  EXPECT_EQ(recipe.run.batch, 18);
  EXPECT_EQ(recipe.run.batch - Replayed(recipe.run), 6);
  EXPECT_EQ(recipe.run.schedule.steps, 12 * 10 / 6);
  EXPECT_EQ(recipe.run.replay_evenness, 0.0);
}

}  // namespace
}  // namespace hyprstream::training
