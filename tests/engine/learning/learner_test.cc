#include "engine/learning/learner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "classroom.h"
#include "engine/collect.h"

namespace hyprstream::engine {
namespace {

using namespace hyprstream::testing;
using adapters::LearningState;
using adapters::SampleState;
using adapters::VersionStatus;
using enum LearningEventKind;

// Every write that would make a file longer than a page fails while this lives.
class FullDisk {
 public:
  FullDisk() {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = 4096;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &before_); }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
};

class LearnerTest : public ::testing::Test {
 protected:
  LearnerTest() { room_.Create("pupil"); }
  ~LearnerTest() override {
    room_.learner.reset();
    std::filesystem::remove_all(room_.home);
  }
  void Begin() {
    room_.Begin();
    events_ = learner().events().Subscribe(100'000);
  }
  Learner& learner() { return *room_.learner; }
  template <typename Call>
  static ErrorCode CodeOf(Call&& call) {
    try {
      call();
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "no error";
    return ErrorCode::kIo;
  }
  /// Waits until the status is such, for two minutes at most.
  template <typename Condition>
  bool Eventually(Condition&& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
    while (std::chrono::steady_clock::now() < deadline) {
      if (condition(learner().Status("pupil"))) return true;
      (void)events_->NextUntil(std::chrono::steady_clock::now() + std::chrono::milliseconds(5));
    }
    return false;
  }

  Classroom room_;
  std::shared_ptr<EventSubscription> events_;
};

TEST_F(LearnerTest, LearnsWhatItIsTaughtAndPromotesTheVersion) {
  std::vector<std::pair<std::string, int64_t>> promoted;
  room_.parts.promoted = [&](const std::string& adapter, int64_t version) {
    promoted.emplace_back(adapter, version);
  };
  Begin();
  learner().Start("pupil");
  const Learner::Added added = learner().AddSamples("pupil", Facts(0, 4, 4));
  EXPECT_EQ(added.ids.size(), 16u);
  EXPECT_EQ(added.queue_length, 16);
  const LearningEvent step = Await(*events_, {kTrainingStep});
  EXPECT_EQ(step.adapter, "pupil");
  EXPECT_EQ(step.step, 1);
  EXPECT_GE(*step.sparsity, 0.9);
  const LearningEvent verdict = AwaitVerdict(*events_);
  EXPECT_EQ(verdict.kind, kPromotion) << verdict.message;
  EXPECT_EQ(verdict.version, 1);
  EXPECT_EQ(Await(*events_, {kLoad}).version, 1);
  EXPECT_THAT(promoted, ::testing::ElementsAre(std::pair<std::string, int64_t>("pupil", 1)));

  const LearningStatus status = learner().Status("pupil");
  EXPECT_EQ(status.state, LearningState::kRunning);
  EXPECT_EQ(status.version, 1);
  EXPECT_EQ(status.queue_length, 0);
  EXPECT_EQ(status.samples_done, 16);
  EXPECT_EQ(status.held_out, 3);  // a fifth
  EXPECT_LT(*status.loss, *step.loss);
  EXPECT_GE(*status.sparsity, 0.9);
  EXPECT_FALSE(status.last_update.empty());
  const auto version = adapters::AdapterStore(room_.home).Find("pupil", "1");
  EXPECT_EQ(version->samples, 16);
  EXPECT_EQ(version->heldout_loss, verdict.loss);
  EXPECT_LT(*version->heldout_loss, 5.0);  // 6.2 untaught
}

TEST_F(LearnerTest, WaitsForEnoughSamplesAndForBeingStarted) {
  room_.options.min_samples = 4;
  Begin();
  learner().AddSamples("pupil", Facts(0, 4, 4));
  learner().Start("pupil");
  EXPECT_EQ(AwaitVerdict(*events_).version, 1);
  learner().AddSamples("pupil", Facts(4, 1, 3));
  EXPECT_FALSE(events_->NextUntil(std::chrono::steady_clock::now() + std::chrono::seconds(1)));
  EXPECT_EQ(learner().Status("pupil").queue_length, 3);
  learner().AddSamples("pupil", Facts(5, 1, 1));
  EXPECT_EQ(AwaitVerdict(*events_).version, 2);
}

TEST_F(LearnerTest, ACorrectionDoesNotWaitForOthers) {
  room_.options.min_samples = 4;
  Begin();
  learner().Start("pupil");
  std::vector<adapters::NewSample> samples = Facts(0, 1, 1);
  samples.front().feedback = true;
  samples.front().weight = 1.0;  // praise
  learner().AddSamples("pupil", samples);
  EXPECT_FALSE(events_->NextUntil(std::chrono::steady_clock::now() + std::chrono::seconds(1)));
  samples.front().weight.reset();
  learner().AddSamples("pupil", samples);
  AwaitVerdict(*events_);
  EXPECT_EQ(learner().Status("pupil").queue_length, 0);
}

TEST_F(LearnerTest, StoppingTrainsOnWhatIsQueuedAndThenNoMore) {
  Begin();
  learner().Start("pupil");
  learner().AddSamples("pupil", Facts(0, 1, 3));  // fewer than a burst needs
  EXPECT_EQ(learner().Stop("pupil"), LearningState::kStopping);
  learner().AddSamples("pupil", Facts(1, 1, 12));  // too late
  EXPECT_TRUE(Eventually(
      [](const LearningStatus& status) { return status.state == LearningState::kStopped; }));
  EXPECT_EQ(learner().Status("pupil").samples_done, 3);
  EXPECT_EQ(learner().Status("pupil").queue_length, 12);
  EXPECT_EQ(learner().Stop("pupil"), LearningState::kStopped);
}

TEST_F(LearnerTest, SamplesToBeJudgedByStandForThoseOfTheBurst) {
  Begin();
  std::vector<adapters::NewSample> judges = Facts(0, 2, 8);
  for (adapters::NewSample& sample : judges) sample.held_out = true;
  judges.erase(judges.begin(), judges.begin() + 6);
  judges.resize(2);  // two phrasings of the first fact
  learner().AddSamples("pupil", judges);
  learner().AddSamples("pupil", Facts(0, 2, 6));
  learner().Start("pupil");
  EXPECT_EQ(AwaitVerdict(*events_).kind, kPromotion);
  EXPECT_EQ(learner().Status("pupil").held_out, 2);
  EXPECT_EQ(learner().Status("pupil").samples_done, 14);
}

TEST_F(LearnerTest, AnAdaptersPlanIsFollowed) {
  adapters::LearningRecords(room_.home)
      .SetPlan("pupil", adapters::LearningPlan{.epochs = 3, .batch = 4, .rate = 0.5});
  Begin();
  const std::vector<adapters::NewSample> facts = Facts(0, 12, 1);
  std::vector<adapters::NewSample> judges = Facts(0, 1, 2);
  judges[1].held_out = true;  // so that all the others are trained on
  learner().AddSamples("pupil", std::span(judges).last(1));
  learner().AddSamples("pupil", facts);
  learner().Start("pupil");
  EXPECT_EQ(Await(*events_, {kTrainingStep}).steps, 12 * 3 / 2);
  const LearningEvent verdict = AwaitVerdict(*events_);
  EXPECT_EQ(verdict.step, 12 * 3 / 2);
  EXPECT_TRUE(verdict.loss_before.has_value());
}

TEST_F(LearnerTest, APausedBurstGoesOnWhereItWas) {
  room_.options.recipe.steps = 200;
  room_.options.save_every = std::chrono::milliseconds(0);
  Begin();
  learner().AddSamples("pupil", Facts(0, 2, 6));
  learner().Start("pupil");
  Await(*events_, {kTrainingStep});
  learner().Pause("pupil");
  EXPECT_TRUE(Eventually([this](const LearningStatus&) { return !learner().Holds("pupil"); }));
  EXPECT_EQ(learner().Status("pupil").state, LearningState::kStopped);
  EXPECT_GT(learner().Status("pupil").queue_length, 0);
  int64_t reached = 1;
  while (const auto event = events_->TryNext()) reached = event->step;
  ASSERT_LT(reached, 200);
  learner().Start("pupil");
  EXPECT_EQ(Await(*events_, {kTrainingStep}).step, reached + 1);
  EXPECT_EQ(AwaitVerdict(*events_).step, 200);
}

TEST_F(LearnerTest, ARestartGoesOnWithWhatIsQueued) {
  room_.options.save_every = std::chrono::milliseconds(0);
  Begin();
  learner().AddSamples("pupil", Facts(0, 4, 4));
  learner().Start("pupil");
  Await(*events_, {kTrainingStep});
  room_.learner.reset();  // in the middle of a burst
  Begin();
  EXPECT_GT(Await(*events_, {kTrainingStep}).step, 1);
  EXPECT_EQ(AwaitVerdict(*events_).version, 1);
  EXPECT_EQ(learner().Status("pupil").samples_done, 16);
}

TEST_F(LearnerTest, SamplesOfAnotherProcessAreSeen) {
  Begin();
  learner().Start("pupil");
  adapters::SampleJournal(room_.home).Add("pupil", Facts(0, 4, 4));
  EXPECT_EQ(AwaitVerdict(*events_).version, 1);
}

TEST_F(LearnerTest, RefusesSamplesThatCannotBeTrainedOn) {
  Begin();
  std::vector<adapters::NewSample> samples = Facts(0, 1, 2);
  samples.push_back(IdSample({1, 2}, {9000}));
  try {
    learner().AddSamples("pupil", samples);
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.detail().where, "2");
  }
  EXPECT_EQ(learner().Status("pupil").queue_length, 0);
}

TEST_F(LearnerTest, WhatSlipsInThoughUnusableDoesNotBlockTheOthers) {
  Begin();
  std::vector<adapters::NewSample> samples = Facts(0, 4, 4);
  samples.insert(samples.begin() + 3, IdSample({1, 2}, {9000}));
  const auto ids = adapters::SampleJournal(room_.home).Add("pupil", samples);
  learner().Start("pupil");
  EXPECT_EQ(AwaitVerdict(*events_).kind, kPromotion);
  const auto records = learner().Samples("pupil", 0, 100);
  EXPECT_EQ(records[3].state, SampleState::kUnusable);
  EXPECT_EQ(learner().Status("pupil").samples_done, 16);
}

// Wrong answers to what was taught: held-out samples of what is right keep them from being served.
TEST_F(LearnerTest, PoisonedSamplesAreNotPromoted) {
  room_.options.recipe.steps = 150;
  Begin();
  learner().Start("pupil");
  learner().AddSamples("pupil", Facts(0, 3, 8));
  ASSERT_EQ(AwaitVerdict(*events_).kind, kPromotion);
  std::vector<adapters::NewSample> poison;
  for (int fact = 0; fact < 3; ++fact) {
    for (int phrasing = 0; phrasing < 8; ++phrasing) {
      poison.push_back(IdSample(PromptOf(fact, phrasing), AnswerOf((fact + 1) % 3)));
    }
  }
  learner().AddSamples("pupil", poison);
  const LearningEvent verdict = AwaitVerdict(*events_);
  EXPECT_EQ(verdict.kind, kRejection) << verdict.message;
  EXPECT_EQ(learner().Status("pupil").version, 1);
  adapters::AdapterStore store(room_.home);
  EXPECT_EQ(store.Find("pupil", "2")->status, VersionStatus::kRejected);
  EXPECT_TRUE(store.Find("pupil", "2")->heldout_loss.has_value());
  EXPECT_EQ(learner().Status("pupil").samples_done, 48);
}

TEST_F(LearnerTest, RollingBackIsWhereLearningGoesOnFrom) {
  Begin();
  learner().Start("pupil");
  learner().AddSamples("pupil", Facts(0, 4, 4));
  ASSERT_EQ(AwaitVerdict(*events_).kind, kPromotion);
  learner().AddSamples("pupil", Facts(4, 4, 4));
  Await(*events_, {kTrainingStep});
  EXPECT_EQ(learner().RollBack("pupil"), 0);
  const LearningEvent rolled = Await(*events_, {kPromotion});
  EXPECT_EQ(rolled.version, 0);
  while (Await(*events_, {kTrainingStep}).version != 0) {
  }
  const LearningEvent verdict = AwaitVerdict(*events_);
  EXPECT_EQ(learner().Status("pupil").version, verdict.kind == kPromotion ? 2 : 0);
  EXPECT_EQ(learner().Status("pupil").samples_done, 32);
}

TEST_F(LearnerTest, APinnedVersionStays) {
  Begin();
  learner().Pin("pupil", 0);
  learner().Start("pupil");
  learner().AddSamples("pupil", Facts(0, 4, 4));
  Await(*events_, {kTrainingStep});
  EXPECT_EQ(AwaitVerdict(*events_).kind, kRejection);
  EXPECT_EQ(learner().Status("pupil").version, 0);
  EXPECT_TRUE(learner().Status("pupil").pinned);
  EXPECT_EQ(adapters::AdapterStore(room_.home).Find("pupil", "1")->status,
            VersionStatus::kCandidate);
  learner().Unpin("pupil");
  learner().Promote("pupil", 1);
  EXPECT_EQ(learner().Status("pupil").version, 1);
}

TEST_F(LearnerTest, AdaptersLearnSideBySide) {
  room_.Create("second");
  // Saved after every step, a burst is long enough for the second to begin during the first.
  room_.options.save_every = std::chrono::milliseconds(0);
  Begin();
  learner().AddSamples("pupil", Facts(0, 10, 4));
  learner().AddSamples("second", Facts(10, 10, 4));
  learner().Start("pupil");
  learner().Start("second");
  // Neither waits for the other's burst.
  std::vector<std::string> steps;
  int verdicts = 0;
  while (verdicts < 2) {
    const LearningEvent event = Await(*events_, {kTrainingStep, kPromotion, kRejection});
    if (event.kind == kTrainingStep) {
      steps.push_back(event.adapter);
    } else {
      ++verdicts;
    }
  }
  int64_t switches = 0;
  for (size_t i = 1; i < steps.size(); ++i) switches += steps[i] != steps[i - 1];
  EXPECT_GT(switches, 2);
}

TEST_F(LearnerTest, AnotherBasesAdapterIsRefused) {
  adapters::AdapterStore(room_.home)
      .Create({.name = "foreign",
               .kind = "sparse",
               .base_model = "other",
               .base_fingerprint = "f00d",
               .spec = "{}"});
  Begin();
  EXPECT_EQ(CodeOf([&] { learner().Start("foreign"); }), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf([&] { learner().Start("nobody"); }), ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf([&] { learner().Status("nobody"); }), ErrorCode::kNotFound);
}

TEST_F(LearnerTest, ADeletedAdapterIsForgotten) {
  room_.Create("second");
  Begin();
  learner().AddSamples("pupil", Facts(0, 4, 4));
  learner().Start("pupil");
  Await(*events_, {kTrainingStep});
  adapters::AdapterStore(room_.home).Delete("pupil");
  learner().AddSamples("second", Facts(0, 4, 4));
  learner().Start("second");
  LearningEvent verdict;
  do {
    verdict = AwaitVerdict(*events_);
  } while (verdict.adapter != "second");
  EXPECT_EQ(verdict.version, 1);
}

// No file can grow any more, as on a full disk: whoever sends samples is told, learning says what
// keeps it, answers go on, and with room again nothing has been lost.
TEST_F(LearnerTest, AFullDiskStopsLearningButNotServing) {
  room_.options.save_every = std::chrono::milliseconds(0);
  Begin();
  const auto ask = [&] {
    return Ask(*room_.engine, {.prompt = {1, 2, 3},
                               .max_tokens = 8,
                               .sampling = {.temperature = 0},
                               .ignore_eos = true})
        .ids;
  };
  const std::vector<int32_t> before = ask();
  learner().Start("pupil");
  const Learner::Added added = learner().AddSamples("pupil", Facts(0, 4, 4));
  Await(*events_, {kTrainingStep});
  LearningEvent problem;
  {
    const FullDisk full;
    problem = Await(*events_, {kError});
    EXPECT_EQ(problem.adapter, "pupil");
    EXPECT_FALSE(problem.message.empty());
    EXPECT_THROW(learner().AddSamples("pupil", Facts(4, 1, 1)), Error);
    EXPECT_TRUE(Eventually([](const LearningStatus& now) { return now.problem.has_value(); }));
    EXPECT_EQ(ask(), before);
  }
  EXPECT_EQ(AwaitVerdict(*events_).kind, kPromotion);
  EXPECT_FALSE(learner().Status("pupil").problem.has_value());
  EXPECT_EQ(learner().Status("pupil").samples_done, std::ssize(added.ids));
  EXPECT_EQ(learner().Status("pupil").queue_length, 0);
}

TEST_F(LearnerTest, FeedbackTeachesTheAdapterThatAnswered) {
  room_.options.min_samples = 1;
  Begin();
  learner().Start("pupil");
  learner().answered().Remember({.id = "a", .adapter = "pupil", .version = 0, .text = "x"});
  learner().answered().Remember({.id = "b", .adapter = "", .text = "x"});
  EXPECT_EQ(CodeOf([&] { learner().GiveFeedback({.completion_id = "c", .score = 1.0}); }),
            ErrorCode::kNotFound);
  EXPECT_EQ(CodeOf([&] { learner().GiveFeedback({.completion_id = "b", .score = 1.0}); }),
            ErrorCode::kFailedPrecondition);
  EXPECT_EQ(CodeOf([&] { learner().GiveFeedback({.completion_id = "a"}); }),
            ErrorCode::kInvalidArgument);
  EXPECT_TRUE(learner().GiveFeedback({.completion_id = "a", .score = -1.0}).ids.empty());
}

}  // namespace
}  // namespace hyprstream::engine
