#include "engine/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <numeric>

#include "collect.h"
#include "support/data.h"

namespace hyprstream::engine {
namespace {

using testing::Answer;
using testing::Ask;
using testing::AskAll;
using testing::Collect;
using testing::FakeAdapter;
using testing::FakeModel;

std::shared_ptr<const FakeModel> Fake(FakeModel::Traits traits = {}) {
  return std::make_shared<const FakeModel>(std::move(traits));
}

EngineOptions Small() { return {.threads = 1, .context = 256, .max_sequences = 4}; }

GenerationRequest Request(int32_t first, int32_t max_tokens = 10) {
  return {.prompt = {first, 2, 3}, .max_tokens = max_tokens, .sampling = {.seed = 1}};
}

std::string Refusal(Engine& engine, const GenerationRequest& request) {
  try {
    engine.Submit(request);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    return error.detail().where;
  }
  return "accepted";
}

/// A model whose first step waits until it is let go.
struct Gate {
  std::promise<void> entered;
  std::promise<void> open;
  std::shared_future<void> opened = open.get_future().share();
  bool first = true;

  std::shared_ptr<const FakeModel> Model() {
    return Fake({.on_forward = [this](const model::Batch&) {
      if (std::exchange(first, false)) entered.set_value();
      opened.wait();
    }});
  }
};

TEST(Engine, AnswersAsThePlainComputationDoes) {
  const auto model = Fake();
  const auto engine = Engine::Create(model, nullptr, Small());
  const GenerationRequest request = Request(1, 50);
  const Answer answer = Ask(*engine, request);
  EXPECT_EQ(answer.ids, PlainAnswer(*model, request, 256).ids);
  EXPECT_EQ(answer.finished.reason, FinishReason::kLength);
  EXPECT_EQ(answer.finished.usage.generated_tokens, 50);
  EXPECT_EQ(answer.finished.usage.prompt_tokens, 3);
  EXPECT_EQ(answer.finished.seed, 1u);
}

TEST(Engine, EndOfTextStopsAndIsNotPartOfTheAnswer) {
  const auto model = Fake({.vocab_size = 8, .eos_ids = {5}});
  const auto engine = Engine::Create(model, nullptr, Small());
  GenerationRequest request = Request(1, 200);
  const Answer stopped = Ask(*engine, request);
  EXPECT_EQ(stopped.finished.reason, FinishReason::kStop);
  EXPECT_EQ(stopped.finished.stop_id, 5);
  EXPECT_EQ(std::count(stopped.ids.begin(), stopped.ids.end(), 5), 0);
  EXPECT_EQ(static_cast<size_t>(stopped.finished.usage.generated_tokens), stopped.ids.size());
  request.ignore_eos = true;
  const Answer ignored = Ask(*engine, request);
  EXPECT_EQ(ignored.ids.size(), 200u);
  EXPECT_EQ(ignored.finished.reason, FinishReason::kLength);
  request.stop_ids = {ignored.ids[20]};
  const Answer own = Ask(*engine, request);
  EXPECT_EQ(own.finished.stop_id, ignored.ids[20]);
  EXPECT_LE(own.ids.size(), 20u);
}

TEST(Engine, TheContextsEndIsLength) {
  const auto engine = Engine::Create(Fake(), nullptr, Small());
  const Answer answer = Ask(*engine, Request(1, 100000));
  EXPECT_EQ(answer.finished.reason, FinishReason::kLength);
  EXPECT_EQ(answer.ids.size(), 256u - 3u);
}

TEST(Engine, NoTokensWantedIsAnEmptyAnswer) {
  const auto engine = Engine::Create(Fake(), nullptr, Small());
  const Answer answer = Ask(*engine, Request(1, 0));
  EXPECT_TRUE(answer.ids.empty());
  EXPECT_EQ(answer.finished.reason, FinishReason::kLength);
}

TEST(Engine, WrongRequestsAreRefusedByName) {
  const auto engine = Engine::Create(Fake(), nullptr, Small());
  GenerationRequest request = Request(1);
  EXPECT_EQ(Refusal(*engine, request), "accepted");
  request.prompt = {};
  EXPECT_EQ(Refusal(*engine, request), "prompt");
  request.prompt = {1, 61};
  EXPECT_EQ(Refusal(*engine, request), "prompt, position 1");
  request.prompt = {-1};
  EXPECT_EQ(Refusal(*engine, request), "prompt, position 0");
  request.prompt.assign(256, 1);
  EXPECT_EQ(Refusal(*engine, request), "context");
  request.prompt.assign(255, 1);
  EXPECT_EQ(Refusal(*engine, request), "accepted");
  request.max_tokens = -1;
  EXPECT_EQ(Refusal(*engine, request), "max_tokens");
  request = Request(1);
  request.sampling.top_p = 2;
  EXPECT_EQ(Refusal(*engine, request), "top_p");
  request = Request(1);
  request.stop = {"x"};  // no tokenizer
  EXPECT_EQ(Refusal(*engine, request), "stop");
}

TEST(Engine, ADroppedOrCancelledRequestFreesItsPages) {
  Gate gate;
  const auto engine = Engine::Create(gate.Model(), nullptr, Small());
  auto cancelled = engine->Submit(Request(1, 200));
  gate.entered.get_future().wait();  // the first step is under way
  auto dropped = engine->Submit(Request(2, 200));
  auto waiting = engine->Submit(Request(3, 200));
  auto last = engine->Submit(Request(4, 5));
  dropped.reset();
  waiting->Cancel();
  cancelled->Cancel();
  gate.open.set_value();
  EXPECT_EQ(Collect(*cancelled).finished.reason, FinishReason::kCancelled);
  const Answer never_ran = Collect(*waiting);
  EXPECT_EQ(never_ran.finished.reason, FinishReason::kCancelled);
  EXPECT_TRUE(never_ran.ids.empty());
  EXPECT_EQ(Collect(*last).ids.size(), 5u);
  const EngineStats stats = engine->Stats();
  EXPECT_EQ(stats.pages_used, 0);
  EXPECT_EQ(stats.running, 0);
  EXPECT_EQ(stats.waiting, 0);
}

TEST(Engine, ADeadlineGivesUpWithoutEndingTheRequest) {
  Gate gate;
  const auto engine = Engine::Create(gate.Model(), nullptr, Small());
  const auto generation = engine->Submit(Request(1, 3));
  EXPECT_FALSE(generation->NextUntil(std::chrono::steady_clock::now()));
  EXPECT_FALSE(generation->finished());
  gate.open.set_value();
  EXPECT_EQ(Collect(*generation).ids.size(), 3u);
  EXPECT_TRUE(generation->finished());
  EXPECT_FALSE(generation->Next());
}

TEST(Engine, AFailedStepEndsItsRequestsAndTheEngineLivesOn) {
  const auto model = Fake({.throwing_token = 50});
  const auto engine = Engine::Create(model, nullptr, Small());
  const Answer failed = Ask(*engine, Request(50));
  EXPECT_EQ(failed.finished.reason, FinishReason::kError);
  ASSERT_TRUE(failed.finished.error);
  EXPECT_EQ(failed.finished.error->code(), ErrorCode::kDataLoss);
  EXPECT_EQ(engine->Stats().pages_used, 0);
  GenerationRequest healthy = Request(1, 5);
  healthy.sampling.logit_bias = {{50, -100.0f}};
  EXPECT_EQ(Ask(*engine, healthy).ids.size(), 5u);
}

TEST(Engine, NanLogitsEndTheirRequestOnly) {
  const auto model = Fake({.nan_token = 60});
  const auto engine = Engine::Create(model, nullptr, Small());
  GenerationRequest sick = Request(1);
  sick.prompt.push_back(60);
  GenerationRequest healthy = Request(1, 40);
  healthy.sampling.logit_bias = {{60, -100.0f}};
  const std::vector<Answer> answers = AskAll(*engine, {healthy, sick, healthy});
  EXPECT_EQ(answers[1].finished.reason, FinishReason::kError);
  EXPECT_TRUE(answers[1].finished.error);
  for (const size_t i : {0u, 2u}) {
    EXPECT_EQ(answers[i].ids, PlainAnswer(*model, healthy, 256).ids);
  }
}

TEST(Engine, CachedPrefixesAreCountedAndTheLastTokenIsNot) {
  const auto engine = Engine::Create(Fake(), nullptr, Small());
  GenerationRequest request = Request(1, 1);
  request.prompt.resize(96);
  std::iota(request.prompt.begin(), request.prompt.end() - 40, 1);
  EXPECT_EQ(Ask(*engine, request).finished.usage.cached_tokens, 0);
  EXPECT_EQ(Ask(*engine, request).finished.usage.cached_tokens, 64);
  request.prompt.push_back(1);
  EXPECT_EQ(Ask(*engine, request).finished.usage.cached_tokens, 96);
  request.prompt[40] += 1;
  EXPECT_EQ(Ask(*engine, request).finished.usage.cached_tokens, 32);
  request.adapters = {{FakeAdapter(1), 1.0f}};
  EXPECT_EQ(Ask(*engine, request).finished.usage.cached_tokens, 0);
  request.adapters[0].scale = 0;  // the base model
  EXPECT_EQ(Ask(*engine, request).finished.usage.cached_tokens, 96);
  EXPECT_EQ(engine->Stats().cached_tokens, 64 + 96 + 32 + 96);
  EXPECT_GT(engine->Stats().pages_cached, 0);
  EXPECT_EQ(engine->Stats().pages_used, 0);
}

TEST(Engine, WithoutASeedEveryRequestDrawsItsOwnAndTellsIt) {
  const auto engine = Engine::Create(Fake(), nullptr, Small());
  GenerationRequest request = Request(1, 40);
  request.sampling.seed.reset();
  const Answer first = Ask(*engine, request);
  const Answer second = Ask(*engine, request);
  EXPECT_NE(first.finished.seed, second.finished.seed);
  EXPECT_NE(first.ids, second.ids);
  request.sampling.seed = first.finished.seed;
  EXPECT_EQ(Ask(*engine, request).ids, first.ids);
}

TEST(Engine, MemoryIsReservedAndALimitSaysWhatWouldFit) {
  const auto model = Fake();
  const uint64_t page = model->CacheLayout(nullptr, DType::kBF16).page_bytes();
  MemoryBudget budget;
  {
    const auto engine = Engine::Create(model, nullptr, Small(), &budget);
    EXPECT_EQ(engine->options().cache_bytes, Bytes{4 * 8 * page});  // four contexts of 8 pages
    EXPECT_EQ(budget.held(MemoryUse::kCache), Bytes{4 * 8 * page});
    EXPECT_GT(budget.held(MemoryUse::kScratch), Bytes{0});
  }
  EXPECT_EQ(budget.held(), Bytes{0});
  EngineOptions options = Small();
  options.cache_bytes = {3 * page};
  try {
    Engine::Create(model, nullptr, options, &budget);
    FAIL() << "three pages cannot hold a context of eight";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResourceExhausted);
    EXPECT_NE(error.detail().hint.find("96 tokens"), std::string::npos) << error.what();
  }
  MemoryBudget tiny(Bytes{1000});
  EXPECT_THROW(Engine::Create(model, nullptr, Small(), &tiny), Error);
  EXPECT_EQ(tiny.held(), Bytes{0});
}

TEST(Engine, OptionsOutOfRangeAreRefused) {
  for (const EngineOptions& options :
       {EngineOptions{.context = 513}, EngineOptions{.context = -1},
        EngineOptions{.cache_dtype = DType::kF16}, EngineOptions{.max_batch_rows = 0},
        EngineOptions{.max_sequences = -3}, EngineOptions{.threads = -1}}) {
    EXPECT_THROW(Engine::Create(Fake(), nullptr, options), Error);
  }
}

TEST(Engine, TheTimesOfItsPhasesAddUpToTheWall) {
  EngineOptions options = Small();
  options.profile = true;
  const auto engine = Engine::Create(Fake(), nullptr, options);
  AskAll(*engine, std::vector<GenerationRequest>(8, Request(1, 200)));
  const StepTimes times = engine->Stats().times;
  const Duration sum = times.idle + times.lent + times.schedule + times.forward + times.sample +
                       times.text + times.deliver;
  EXPECT_LE(sum, times.wall);
  EXPECT_GT(sum.count(), static_cast<int64_t>(0.95 * static_cast<double>(times.wall.count())));
  EXPECT_LE(times.embedding + times.layers + times.head, times.forward);
}

class EngineText : public ::testing::Test {
 protected:
  void SetUp() override {
    tokenizer_ = text::Tokenizer::FromPath(testing::SourcePath("models/willowbrook"));
    model_ = Fake({.vocab_size = 4200});  // some rows beyond the tokenizer's vocabulary
    engine_ = Engine::Create(model_, tokenizer_, Small());
  }

  std::shared_ptr<const text::Tokenizer> tokenizer_;
  std::shared_ptr<const FakeModel> model_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(EngineText, TheEventsTextIsTheDecodedAnswer) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    GenerationRequest request = Request(1, 60);
    request.sampling.seed = seed;
    request.ignore_eos = true;
    const Answer answer = Ask(*engine_, request);
    EXPECT_EQ(answer.text, tokenizer_->Decode(answer.ids, true));
    for (const int32_t id : answer.ids) EXPECT_LT(id, tokenizer_->vocab_size());
  }
}

TEST_F(EngineText, AStopStringAcrossTokensIsNeverEmitted) {
  GenerationRequest request = Request(1, 60);
  request.ignore_eos = true;
  const Answer whole = Ask(*engine_, request);
  const std::string first_two = tokenizer_->Decode(std::span(whole.ids).first(21), true);
  const std::string until_twenty = tokenizer_->Decode(std::span(whole.ids).first(20), true);
  const std::string next = first_two.substr(until_twenty.size());
  ASSERT_GE(until_twenty.size(), 3u);
  request.stop = {"not in it", until_twenty.substr(until_twenty.size() - 3) + next};
  const size_t begin = whole.text.find(request.stop[1]);
  ASSERT_NE(begin, std::string::npos);
  const Answer stopped = Ask(*engine_, request);
  EXPECT_EQ(stopped.text, whole.text.substr(0, begin));
  EXPECT_EQ(stopped.finished.reason, FinishReason::kStop);
  EXPECT_EQ(stopped.finished.stop, request.stop[1]);
  EXPECT_LE(stopped.ids.size(), 21u);
}

TEST_F(EngineText, AHeldBackBeginningOfAStopComesWithTheEnd) {
  GenerationRequest request = Request(1, 30);
  request.ignore_eos = true;
  const Answer whole = Ask(*engine_, request);
  request.stop = {whole.text.substr(whole.text.size() - 2) + "\x01never"};
  const Answer answer = Ask(*engine_, request);
  EXPECT_EQ(answer.text, whole.text);
  EXPECT_EQ(answer.finished.reason, FinishReason::kLength);
  EXPECT_GE(answer.finished.text.size(), 2u);
}

}  // namespace
}  // namespace hyprstream::engine
