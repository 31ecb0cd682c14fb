// Teaching an adapter of the store: a version is stored once, however often its run is interrupted
// near the end, and is judged by the loss that it was trained with.
#include "engine/teach.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "adapters/topology.h"
#include "base/error.h"
#include "base/folder.h"
#include "base/random.h"
#include "support/data.h"

namespace hyprstream::engine {
namespace {

using testing::DataPath;
using training::Sample;

std::vector<Sample> RandomSamples(size_t count, uint64_t seed) {
  const CounterRandom random(seed);
  uint64_t next = 0;
  std::vector<Sample> samples(count);
  for (Sample& sample : samples) {
    for (int t = 0; t < 12; ++t) {
      const auto id = static_cast<int32_t>(random.Uniform(next++) * 400.0);
      sample.ids.push_back(id);
      sample.labels.push_back(t < 4 ? training::kIgnoredLabel : id);
    }
  }
  return samples;
}

class TeachTest : public ::testing::Test {
 protected:
  TeachTest() {
    loaded_ = OpenModel(DataPath("fixtures/qwen3-untied"), compute_, TokenizerNeed::kNone,
                        {.arithmetic = ops::Arithmetic::kExact});
    adapters::AdapterSpec spec = adapters::DefaultSpec(
        adapters::AdapterKind::kSparse, loaded_.model->config(), loaded_.model->fingerprint());
    spec.sparsity = 0.9;
    spec.nominal_rank = 16;
    store_.Create({.name = "tone",
                   .kind = "sparse",
                   .base_model = "tiny",
                   .base_fingerprint = loaded_.model->fingerprint(),
                   .spec = WriteSpec(spec)});
    options_.run.schedule = {.peak = 1e-2, .decay = training::Decay::kConstant, .steps = 8};
    options_.run.batch = 4;
    options_.checkpoint_every = 3;
  }

  std::unique_ptr<Teaching> Start() {
    return std::make_unique<Teaching>(
        loaded_, store_, "tone",
        training::RunData{.train = RandomSamples(8, 1), .replay = {}, .eval = RandomSamples(8, 1)},
        std::vector<Sample>{}, options_);
  }
  int64_t Prepare(Teaching& teaching) {
    return teaching.Prepare(context_, Teaching::Begin::kResume);
  }
  TeachResult RunToEnd(Teaching& teaching) {
    Prepare(teaching);
    while (!teaching.done()) {
      teaching.Next(context_);
      teaching.SaveIfDue();
    }
    teaching.Save();
    return Store(teaching);
  }
  TeachResult Store(Teaching& teaching) {
    teaching.Evaluate(context_);
    return teaching.Store({.until_forgotten = true});
  }

  testing::Folder home_;
  Compute compute_{2};
  ops::Context context_ = compute_.context();
  LoadedModel loaded_;
  adapters::AdapterStore store_{home_.path()};
  TeachOptions options_;
};

TEST_F(TeachTest, AnInterruptionAfterTheVersionWasStoredStoresNoSecondOne) {
  const TeachResult first = RunToEnd(*Start());
  EXPECT_EQ(first.version.version, 1);
  EXPECT_EQ(first.version.status, adapters::VersionStatus::kPromoted);
  const auto again = Start();  // Forget was never reached
  EXPECT_EQ(Prepare(*again), 8);
  EXPECT_TRUE(again->done());
  EXPECT_EQ(again->run().history().size(), 8u);
  const TeachResult second = Store(*again);
  EXPECT_EQ(second.version.version, 1);
  EXPECT_EQ(second.version.hash, first.version.hash);
  EXPECT_EQ(second.version.status, adapters::VersionStatus::kPromoted);
  EXPECT_EQ(store_.Versions("tone").size(), 1u);
  EXPECT_EQ(store_.Get("tone").current, 1);
}

TEST_F(TeachTest, AFinishedRunIsForgottenAndTheNextBeginsFromItsVersion) {
  const auto first = Start();
  RunToEnd(*first);
  first->Forget();
  const auto next = Start();
  EXPECT_EQ(Prepare(*next), 0);
  EXPECT_TRUE(next->run().history().empty());
  const TeachResult result = RunToEnd(*next);
  EXPECT_EQ(result.version.version, 2);
}

TEST_F(TeachTest, TheHistoryOutlivesAnInterruption) {
  const auto whole = Start();
  RunToEnd(*whole);
  whole->Forget();
  store_.Promote("tone", 0);
  {
    const auto killed = Start();
    Prepare(*killed);
    for (int i = 0; i < 5; ++i) {  // the state is that of step 3
      killed->Next(context_);
      killed->SaveIfDue();
    }
  }
  const auto resumed = Start();
  EXPECT_EQ(Prepare(*resumed), 3);
  while (!resumed->done()) resumed->Next(context_);
  ASSERT_EQ(resumed->run().history().size(), 8u);
  for (size_t i = 0; i < 8; ++i) {
    const training::StepReport& a = resumed->run().history()[i];
    const training::StepReport& b = whole->run().history()[i];
    EXPECT_EQ(a.step, static_cast<int64_t>(i) + 1);
    EXPECT_EQ(a.result.loss, b.result.loss);
    EXPECT_EQ(a.result.tokens, b.result.tokens);
    EXPECT_EQ(a.learning_rate, b.learning_rate);
    EXPECT_EQ(a.sparsity, b.sparsity);
    EXPECT_EQ(a.eval_loss, b.eval_loss);
    EXPECT_GT(a.seconds, 0.0);
  }
}

TEST_F(TeachTest, ADivergenceFromTheBaseIsLearntAndJudgedByItself) {
  for (const ops::LossKind kind : {ops::LossKind::kForwardKl, ops::LossKind::kMeanSquare}) {
    options_.run.loss = {};
    const auto away = Start();
    RunToEnd(*away);
    away->Forget();
    options_.run.loss = {.kind = kind};
    const auto back = Start();
    const TeachResult result = RunToEnd(*back);
    back->Forget();
    ASSERT_TRUE(result.heldout.has_value());
    EXPECT_EQ(result.heldout->without_adapter.mean, 0.0);
    EXPECT_LT(result.heldout->with_adapter.mean, 0.7 * result.heldout->before.mean);
    EXPECT_EQ(result.version.status, adapters::VersionStatus::kPromoted);
    EXPECT_EQ(result.version.heldout_loss, result.heldout->with_adapter.mean);
  }
}

TEST_F(TeachTest, AnAdapterThatEqualsItsTeacherIsRefused) {
  options_.run.loss = {.kind = ops::LossKind::kForwardKl};
  const auto teaching = Start();
  try {
    Prepare(*teaching);
    ADD_FAILURE() << "trained on nothing";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kFailedPrecondition);
  }
}

}  // namespace
}  // namespace hyprstream::engine
