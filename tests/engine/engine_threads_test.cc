#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "collect.h"
#include "engine/engine.h"

namespace hyprstream::engine {
namespace {

using testing::Answer;
using testing::Ask;
using testing::Collect;
using testing::FakeModel;

std::shared_ptr<const FakeModel> Model() {
  return std::make_shared<const FakeModel>(FakeModel::Traits{});
}

GenerationRequest Request(int32_t first, int32_t max_tokens) {
  return {.prompt = std::vector<int32_t>(static_cast<size_t>(first % 70 + 1), first % 61),
          .max_tokens = max_tokens,
          .sampling = {.seed = static_cast<uint64_t>(first)}};
}

TEST(EngineThreads, ManySubmittersGetTheirOwnAnswers) {
  const auto model = Model();
  const auto engine = Engine::Create(model, nullptr, {.threads = 2, .context = 256});
  std::vector<std::thread> submitters;
  std::atomic<int> right{0};
  for (int32_t thread = 0; thread < 6; ++thread) {
    submitters.emplace_back([&, thread] {
      for (int32_t i = 0; i < 8; ++i) {
        const GenerationRequest request = Request(thread * 8 + i, 20);
        if (Ask(*engine, request).ids == PlainAnswer(*model, request, 256).ids) ++right;
        (void)engine->Stats();
      }
    });
  }
  for (std::thread& submitter : submitters) submitter.join();
  EXPECT_EQ(right, 48);
  EXPECT_EQ(engine->Stats().pages_used, 0);
}

TEST(EngineThreads, CancellingAtAnyMomentLeavesNothingBehind) {
  const auto model = Model();
  const auto engine = Engine::Create(model, nullptr, {.threads = 2, .context = 256});
  std::vector<std::thread> submitters;
  for (int32_t thread = 0; thread < 4; ++thread) {
    submitters.emplace_back([&, thread] {
      for (int32_t i = 0; i < 20; ++i) {
        const auto generation = engine->Submit(Request(thread * 20 + i, 150));
        for (int32_t taken = 0; taken < i % 7; ++taken) (void)generation->Next();
        if (i % 2 == 0) generation->Cancel();  // else: dropped
        if (i % 4 != 0) continue;
        const FinishReason reason = Collect(*generation).finished.reason;
        EXPECT_TRUE(reason == FinishReason::kCancelled || reason == FinishReason::kLength);
      }
    });
  }
  for (std::thread& submitter : submitters) submitter.join();
  Ask(*engine, Request(1, 1));  // whatever was dropped before is gone when this is answered
  const EngineStats stats = engine->Stats();
  EXPECT_EQ(stats.pages_used, 0);
  EXPECT_EQ(stats.running + stats.waiting, 0);
}

TEST(EngineThreads, ANotificationComesForEveryTimeNothingWasThere) {
  const auto model = Model();
  const auto engine = Engine::Create(model, nullptr, {.threads = 2, .context = 256});
  const GenerationRequest request = Request(7, 100);
  const auto generation = engine->Submit(request);
  std::atomic<int> notified{0};
  generation->WhenReady([&] {
    ++notified;
    notified.notify_one();
  });
  std::vector<int32_t> ids;
  int waited = 0;
  while (!generation->finished()) {
    const auto event = generation->TryNext();
    if (!event) {
      notified.wait(waited);  // hangs when a notification is lost
      ++waited;
      EXPECT_EQ(notified, waited);
    } else if (const auto* token = std::get_if<TokenEvent>(&*event)) {
      ids.push_back(token->id);
    }
  }
  EXPECT_EQ(ids, PlainAnswer(*model, request, 256).ids);
  EXPECT_FALSE(generation->TryNext().has_value());
}

TEST(EngineThreads, DestroyingARunningEngineCancelsItsRequests) {
  const auto model = Model();
  std::vector<std::unique_ptr<Generation>> generations;
  {
    const auto engine = Engine::Create(model, nullptr, {.threads = 2, .context = 512});
    for (int32_t i = 0; i < 10; ++i) generations.push_back(engine->Submit(Request(i, 400)));
    ASSERT_TRUE(generations[0]->Next());
  }
  for (const auto& generation : generations) {
    const FinishReason reason = Collect(*generation).finished.reason;
    EXPECT_TRUE(reason == FinishReason::kCancelled || reason == FinishReason::kLength);
  }
}

}  // namespace
}  // namespace hyprstream::engine
