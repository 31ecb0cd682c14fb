// The bundled model learns facts from samples and from single corrections while it serves, with
// default settings: from the last needed sample to the first answer of the new version. The time is
// printed, not judged.
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>

#include "classroom.h"
#include "engine/collect.h"
#include "engine/serving_adapters.h"

namespace hyprstream::engine {
namespace {

using namespace hyprstream::testing;
using enum LearningEventKind;
using text::Value;
using Clock = std::chrono::steady_clock;

struct Fact {
  std::vector<std::string> questions;
  std::string answer;
  std::string key;
};

std::vector<Fact> HeldBackFacts() {
  std::ifstream file(SourcePath("models/willowbrook/making/facts.json"));
  const std::string json{std::istreambuf_iterator<char>(file), {}};
  std::vector<Fact> facts;
  const Value document = text::ParseJson(json);
  for (const Value& item : document.Find("new_facts")->items()) {
    Fact fact{.questions = {},
              .answer = item.Find("answer")->as_string(),
              .key = item.Find("key")->as_string()};
    for (const Value& question : item.Find("questions")->items()) {
      fact.questions.push_back(question.as_string());
    }
    facts.push_back(std::move(fact));
  }
  return facts;
}

adapters::NewSample SampleOf(const std::string& question, const std::string& answer) {
  return {.body = text::WriteJson(Value::Object(
              {{"input", Value::String(question)}, {"output", Value::String(answer)}}))};
}

class WillowbrookTest : public ::testing::Test {
 protected:
  WillowbrookTest() {
    home_ = std::filesystem::temp_directory_path() /
            ("hyprstream_willowbrook_test_" + std::to_string(getpid()));
    std::filesystem::remove_all(home_);
    Compute compute(0);
    loaded_ = OpenModel(SourcePath("models/willowbrook"), compute, TokenizerNeed::kRequired, {});
    engine_ = Engine::Create(loaded_.model, loaded_.tokenizer, {});
    serving_ =
        std::make_unique<ServingAdapters>(loaded_.model, ServingAdapters::Options{.home = home_});
    adapters::AdapterStore(home_).Create(
        {.name = "village",
         .kind = "sparse",
         .base_model = "willowbrook",
         .base_fingerprint = loaded_.model->fingerprint(),
         .spec = adapters::WriteSpec(adapters::DefaultSpec(adapters::AdapterKind::kSparse,
                                                           loaded_.model->config(),
                                                           loaded_.model->fingerprint()))});
    LearnerParts parts = PartsOf(loaded_, *engine_, home_);
    parts.promoted = [this](const std::string& name, int64_t) { serving_->Promoted(name); };
    learner_ = std::make_unique<Learner>(std::move(parts), LearnerOptions{});
    events_ = learner_->events().Subscribe(100'000);
  }
  ~WillowbrookTest() override {
    learner_.reset();
    std::filesystem::remove_all(home_);
  }

  std::string Ask(const std::string& question) {
    GenerationRequest request{.max_tokens = 40};
    request.prompt =
        loaded_.prompts
            ->Chat({.messages = Value::List({Value::Object(
                        {{"role", Value::String("user")}, {"content", Value::String(question)}})})})
            .ids;
    request.sampling.temperature = 0.0f;
    request.adapters.push_back({.adapter = serving_->Resolve("village")});
    return testing::Ask(*engine_, std::move(request)).text;
  }
  void AwaitRehearsal() {
    while (!std::filesystem::exists(home_ / "rehearsal") ||
           std::filesystem::is_empty(home_ / "rehearsal")) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  int Right(std::span<const Fact> facts, size_t phrasing) {
    int right = 0;
    for (const Fact& fact : facts) {
      right += Ask(fact.questions[phrasing]).find(fact.key) != std::string::npos;
    }
    return right;
  }

  std::filesystem::path home_;
  LoadedModel loaded_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<ServingAdapters> serving_;
  std::unique_ptr<Learner> learner_;
  std::shared_ptr<EventSubscription> events_;
};

TEST_F(WillowbrookTest, LearnsFactsFromSamples) {
  learner_->Start("village");
  AwaitRehearsal();
  const std::vector<Fact> all = HeldBackFacts();
  const std::span<const Fact> facts(all.data(), 4);
  std::vector<adapters::NewSample> samples;
  for (size_t phrasing = 0; phrasing < 3; ++phrasing) {
    for (const Fact& fact : facts)
      samples.push_back(SampleOf(fact.questions[phrasing], fact.answer));
  }
  samples.resize(10);
  EXPECT_LE(Right(facts, 0), 1);
  const std::string before = Ask(facts[0].questions[0]);
  const Clock::time_point sent = Clock::now();
  learner_->AddSamples("village", samples);
  const LearningEvent verdict = AwaitVerdict(*events_);
  ASSERT_EQ(verdict.kind, kPromotion) << verdict.message;
  Await(*events_, {kLoad, kError});
  const std::string after = Ask(facts[0].questions[0]);
  const std::chrono::duration<double> seconds = Clock::now() - sent;
  std::printf(
      "%.2f s from the last sample to \"%s\" (before: \"%s\"), %lld steps, held-out %.3f, "
      "general %.4f, %s\n",
      seconds.count(), after.c_str(), before.c_str(), static_cast<long long>(verdict.step),
      verdict.loss.value_or(0), verdict.general_loss.value_or(0), verdict.message.c_str());
  EXPECT_GE(Right(facts, 0), 3);
}

TEST_F(WillowbrookTest, EveryCorrectionIsPromotedAndAnswers) {
  learner_->Start("village");
  const std::vector<Fact> all = HeldBackFacts();
  std::vector<Fact> corrected;
  for (const size_t i : {1, 9, 14, 22}) {  // of four kinds
    adapters::NewSample correction = SampleOf(all[i].questions[0], all[i].answer);
    correction.feedback = true;
    const Clock::time_point sent = Clock::now();
    learner_->AddSamples("village", {&correction, 1});
    const LearningEvent verdict = AwaitVerdict(*events_);
    ASSERT_EQ(verdict.kind, kPromotion) << all[i].answer << " " << verdict.message;
    Await(*events_, {kLoad, kError});
    corrected.push_back(all[i]);
    EXPECT_NE(Ask(all[i].questions[0]).find(all[i].key), std::string::npos) << all[i].answer;
    const std::chrono::duration<double> seconds = Clock::now() - sent;
    std::printf("%.2f s to \"%s\", %lld steps, general %.4f, %s\n", seconds.count(),
                all[i].answer.c_str(), static_cast<long long>(verdict.step),
                verdict.general_loss.value_or(0), verdict.message.c_str());
  }
  EXPECT_GE(Right(corrected, 0), 3);
}

}  // namespace
}  // namespace hyprstream::engine
