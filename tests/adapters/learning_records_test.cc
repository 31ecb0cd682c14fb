#include "adapters/learning_records.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "adapters/journal.h"
#include "adapters/store.h"

namespace hyprstream::adapters {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class LearningRecordsTest : public ::testing::Test {
 protected:
  LearningRecordsTest() {
    home_ = fs::temp_directory_path() / ("hyprstream_records_test_" + std::to_string(getpid()));
    fs::remove_all(home_);
    AdapterStore(home_).Create({.name = "tone",
                                .kind = "sparse",
                                .base_model = "willowbrook",
                                .base_fingerprint = "f00d",
                                .spec = "{}"});
  }
  ~LearningRecordsTest() override { fs::remove_all(home_); }

  std::vector<int64_t> AddSamples(int count) const {
    return SampleJournal(home_).Add(
        "tone", std::vector<NewSample>(static_cast<size_t>(count), NewSample{.body = "{}"}));
  }
  std::vector<SampleState> States() const {
    std::vector<SampleState> states;
    for (const SampleRecord& record : SampleJournal(home_).List("tone", 0, 100)) {
      states.push_back(record.state);
    }
    return states;
  }

  fs::path home_;
};

TEST_F(LearningRecordsTest, WhatIsToBeLearntSurvivesTheProcess) {
  EXPECT_EQ(LearningRecords(home_).Get("tone").state, LearningState::kStopped);
  LearningRecords(home_).Start("tone");
  EXPECT_EQ(LearningRecords(home_).Get("tone").state, LearningState::kRunning);
  EXPECT_THAT(LearningRecords(home_).Active(), ElementsAre("tone"));
  EXPECT_EQ(LearningRecords(home_).Stop("tone"), LearningState::kStopped);  // nothing is queued
  EXPECT_EQ(LearningRecords(home_).Get("tone").state, LearningState::kStopped);
  EXPECT_TRUE(LearningRecords(home_).Active().empty());
}

TEST_F(LearningRecordsTest, StoppingKnowsUpToWhichSample) {
  const std::vector<int64_t> ids = AddSamples(3);
  LearningRecords records(home_);
  records.Start("tone");
  EXPECT_EQ(records.Stop("tone"), LearningState::kStopping);
  AddSamples(2);
  EXPECT_EQ(records.Stop("tone"), LearningState::kStopping);  // again: nothing changes
  EXPECT_EQ(records.Get("tone").flush_to, ids.back());
  records.Stopped("tone");
  EXPECT_EQ(records.Get("tone").state, LearningState::kStopped);
}

TEST_F(LearningRecordsTest, ABurstTakesItsSamplesAndGivesThemBackTrained) {
  const std::vector<int64_t> ids = AddSamples(5);
  LearningRecords records(home_);
  EXPECT_FALSE(records.Get("tone").open.has_value());
  const std::vector<int64_t> train{ids[0], ids[3]}, held_out{ids[1]}, unusable{ids[2]};
  const Burst burst =
      records.Begin("tone", 7, {.train = train, .held_out = held_out, .unusable = unusable});
  const auto open = LearningRecords(home_).Get("tone").open;
  ASSERT_TRUE(open.has_value());
  EXPECT_EQ(open->number, burst.number);
  EXPECT_EQ(open->base, 7);
  using enum SampleState;
  EXPECT_THAT(States(), ElementsAre(kQueued, kHeldOut, kUnusable, kQueued, kQueued));
  for (const SampleRecord& record : SampleJournal(home_).List("tone", 0, 10)) {
    EXPECT_EQ(record.burst, record.id == ids[4] ? 0 : burst.number);
  }
  records.Rebase("tone", 6);
  EXPECT_EQ(records.Get("tone").open->base, 6);
  records.End("tone");
  EXPECT_FALSE(records.Get("tone").open.has_value());
  EXPECT_THAT(States(), ElementsAre(kTrained, kHeldOut, kUnusable, kTrained, kQueued));
  EXPECT_GT(records.Begin("tone", 8, {.train = train}).number, burst.number);
}

TEST_F(LearningRecordsTest, APlanStaysUntilItIsTakenBack) {
  EXPECT_FALSE(LearningRecords(home_).Plan("tone"));
  LearningRecords(home_).SetPlan("tone", LearningPlan{.epochs = 3, .rate = 0.5, .seed = 7});
  const auto plan = LearningRecords(home_).Plan("tone");
  ASSERT_TRUE(plan);
  EXPECT_EQ(plan->epochs, 3);
  EXPECT_FALSE(plan->batch);
  EXPECT_EQ(plan->rate, 0.5);
  EXPECT_EQ(plan->seed, 7);
  LearningRecords(home_).SetPlan("tone", std::nullopt);
  EXPECT_FALSE(LearningRecords(home_).Plan("tone"));
}

TEST_F(LearningRecordsTest, KnowsWhenSomebodyElseHasWritten) {
  LearningRecords records(home_);
  records.Start("tone");
  (void)records.Changed();
  EXPECT_FALSE(records.Changed());
  AddSamples(1);
  EXPECT_TRUE(records.Changed());
  EXPECT_FALSE(records.Changed());
  records.Stopped("tone");  // who looks after all adapters has one less
  EXPECT_TRUE(records.Changed());
  EXPECT_FALSE(records.Changed());
}

}  // namespace
}  // namespace hyprstream::adapters
