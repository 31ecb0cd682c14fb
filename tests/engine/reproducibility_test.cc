// An answer is a function of its request alone. The fake model hashes every cached token it can
// see, so one wrong page anywhere changes the answer.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <vector>

#include "base/random.h"
#include "collect.h"
#include "engine/engine.h"

namespace hyprstream::engine {
namespace {

using testing::Answer;
using testing::AskAll;
using testing::FakeAdapter;
using testing::FakeModel;

constexpr int64_t kContext = 256;
constexpr int64_t kPagesOfContext = kContext / ops::kPageTokens;

class Requests {
 public:
  explicit Requests(uint64_t seed) : random_(seed) {}

  GenerationRequest Next() {
    GenerationRequest request;
    // Few different beginnings, so that prefixes are shared and then part.
    const auto family = static_cast<int32_t>(Below(3));
    const uint64_t shared = Below(120);
    for (uint64_t i = 0; i < shared; ++i) {
      request.prompt.push_back((family * 7 + static_cast<int32_t>(i)) % 50);
    }
    for (uint64_t i = Below(40) + 1; i > 0; --i) {
      request.prompt.push_back(static_cast<int32_t>(Below(50)));
    }
    request.max_tokens = static_cast<int32_t>(1 + Below(90));
    request.sampling.temperature = Below(4) == 0 ? 0.0f : 1.0f;
    request.sampling.seed = Below(1000);
    request.sampling.logprobs = 2;
    if (Below(3) == 0) request.sampling.repetition_penalty = 1.3f;
    if (Below(3) == 0) request.sampling.frequency_penalty = 0.5f;
    for (uint64_t i = Below(3); i > 0; --i) {
      request.adapters.push_back({adapters_[Below(2)], Below(2) == 0 ? 1.0f : 0.5f});
    }
    return request;
  }
  std::vector<GenerationRequest> Many(size_t count) {
    std::vector<GenerationRequest> requests;
    while (requests.size() < count) requests.push_back(Next());
    return requests;
  }

 private:
  uint64_t Below(uint64_t bound) { return random_.Bits(drawn_++) % bound; }

  CounterRandom random_;
  uint64_t drawn_ = 0;
  std::vector<std::shared_ptr<const LoadedAdapter>> adapters_ = {FakeAdapter(1), FakeAdapter(2)};
};

std::shared_ptr<const FakeModel> Model(int32_t rut = 0) {
  return std::make_shared<const FakeModel>(FakeModel::Traits{.eos_ids = {59}, .rut = rut});
}

Bytes Pages(const FakeModel& model, int64_t pages) {
  return {static_cast<uint64_t>(pages) * model.CacheLayout(nullptr, DType::kBF16).page_bytes()};
}

void ExpectPlainAnswers(const FakeModel& model, Engine& engine,
                        const std::vector<GenerationRequest>& requests) {
  const std::vector<Answer> answers = AskAll(engine, requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    const Answer expected = PlainAnswer(model, requests[i], kContext);
    ASSERT_EQ(answers[i].ids, expected.ids) << "request " << i;
    ASSERT_EQ(answers[i].logprob_bits, expected.logprob_bits) << "request " << i;
    ASSERT_EQ(answers[i].finished.reason, expected.finished.reason) << "request " << i;
  }
  EXPECT_EQ(engine.Stats().pages_used, 0);
  EXPECT_EQ(engine.Stats().running + engine.Stats().waiting, 0);
}

TEST(Reproducibility, AloneAndInABatchOf32) {
  const auto model = Model();
  const auto engine =
      Engine::Create(model, nullptr, {.threads = 2, .context = kContext, .max_sequences = 32});
  ExpectPlainAnswers(*model, *engine, Requests(1).Many(32));
  for (const GenerationRequest& request : Requests(1).Many(8)) {
    ExpectPlainAnswers(*model, *engine, {request});
  }
}

TEST(Reproducibility, WholeOrChunkedPromptsWithOneOrTwoThreads) {
  const auto model = Model();
  for (const int32_t rows : {1, 3, 16, 33, 512}) {
    for (const int threads : {1, 2}) {
      const auto engine = Engine::Create(
          model, nullptr, {.threads = threads, .context = kContext, .max_batch_rows = rows});
      ExpectPlainAnswers(*model, *engine, Requests(2).Many(12));
    }
  }
}

TEST(Reproducibility, CachedOrFreshPrefix) {
  const auto model = Model();
  for (const bool reuse : {false, true}) {
    const auto engine =
        Engine::Create(model, nullptr, {.context = kContext, .prefix_cache = reuse});
    for (int round = 0; round < 3; ++round) {
      ExpectPlainAnswers(*model, *engine, Requests(3).Many(20));
    }
    EXPECT_EQ(engine->Stats().cached_tokens > 0, reuse);
  }
}

TEST(Reproducibility, AfterPreemption) {
  const auto model = Model();
  for (const bool reuse : {false, true}) {
    const auto engine = Engine::Create(model, nullptr,
                                       {.context = kContext,
                                        .cache_bytes = Pages(*model, kPagesOfContext + 1),
                                        .prefix_cache = reuse});
    ExpectPlainAnswers(*model, *engine, Requests(4).Many(30));
    EXPECT_GT(engine->Stats().preemptions, 0);
  }
}

TEST(Reproducibility, TwoHundredRequestsInATinyCacheAllEndAndLeaveNoPage) {
  const auto model = Model();
  const auto engine = Engine::Create(model, nullptr,
                                     {.context = kContext,
                                      .cache_bytes = Pages(*model, kPagesOfContext),
                                      .max_batch_rows = 24,
                                      .max_sequences = 12});
  ExpectPlainAnswers(*model, *engine, Requests(5).Many(200));
}

TEST(Reproducibility, WithGuessesThatOftenComeTrueOrWithout) {
  const auto model = Model(11);
  for (const int32_t draft : {0, 1, 8, 64}) {
    for (const int64_t pages : {kPagesOfContext, 8 * kPagesOfContext}) {
      const auto engine = Engine::Create(model, nullptr,
                                         {.threads = 2,
                                          .context = kContext,
                                          .cache_bytes = Pages(*model, pages),
                                          .draft_tokens = draft});
      for (const GenerationRequest& request : Requests(6).Many(10)) {
        ExpectPlainAnswers(*model, *engine, {request});
      }
      ExpectPlainAnswers(*model, *engine, Requests(7).Many(8));
      const EngineStats stats = engine->Stats();
      EXPECT_EQ(stats.accepted_tokens > 0, draft > 0);
      EXPECT_EQ(stats.accepted_tokens<stats.draft_tokens, draft> 0);
      EXPECT_TRUE(draft <= 1 || stats.steps < stats.generated_tokens);
    }
  }
}

TEST(Reproducibility, TextThatRepeatsItselfTakesFewSteps) {
  const auto model = Model(11);
  const auto engine = Engine::Create(model, nullptr, {.context = kContext});
  GenerationRequest request;
  for (int32_t i = 0; i < 22; ++i) request.prompt.push_back(i % 11);
  request.max_tokens = 200;
  request.sampling.seed = 1;
  request.sampling.temperature = 0;
  ExpectPlainAnswers(*model, *engine, {request});
  EXPECT_LT(engine->Stats().steps, 200 / 5);
}

TEST(Reproducibility, UnderRandomOptions) {
  const bool held = rc::check([&] {
    const auto model = Model(*rc::gen::element(0, 5, 11));
    EngineOptions options{.context = kContext};
    options.draft_tokens = *rc::gen::inRange(0, 20);
    options.threads = *rc::gen::inRange(1, 3);
    options.max_batch_rows = *rc::gen::inRange(1, 100);
    options.max_sequences = *rc::gen::inRange(1, 20);
    options.prefix_cache = *rc::gen::arbitrary<bool>();
    options.cache_bytes =
        Pages(*model, *rc::gen::inRange<int64_t>(kPagesOfContext, 3 * kPagesOfContext));
    const auto engine = Engine::Create(model, nullptr, options);
    ExpectPlainAnswers(
        *model, *engine,
        Requests(*rc::gen::arbitrary<uint64_t>()).Many(*rc::gen::inRange<size_t>(1, 12)));
    RC_ASSERT(!::testing::Test::HasFatalFailure());
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace hyprstream::engine
