// Serving while learning: versions change under eight readers, and every answer is, token for
// token, that of the one version it names.
#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <tuple>

#include "classroom.h"
#include "engine/load_adapter.h"
#include "engine/serving_adapters.h"

namespace hyprstream::engine {
namespace {

using namespace hyprstream::testing;
using enum LearningEventKind;

constexpr int kReaders = 8;
constexpr int kBursts = 4;

struct Answered {
  std::vector<int32_t> prompt;
  std::string version;  // "pupil@3"
  std::vector<int32_t> ids;
};

GenerationRequest Request(const std::vector<int32_t>& prompt,
                          std::shared_ptr<const LoadedAdapter> adapter) {
  GenerationRequest request{.prompt = prompt, .max_tokens = 12, .ignore_eos = true};
  request.sampling.temperature = 0.0f;
  request.adapters.push_back({.adapter = std::move(adapter)});
  return request;
}

std::vector<int32_t> Ids(Generation& generation) {
  std::vector<int32_t> ids;
  while (auto event = generation.Next()) {
    if (const auto* token = std::get_if<TokenEvent>(&*event)) {
      ids.push_back(token->id);
    } else if (const auto& finished = std::get<Finished>(*event); finished.error) {
      throw *finished.error;
    }
  }
  return ids;
}

TEST(LearnerServing, EveryAnswerIsThatOfExactlyOneVersion) {
  Classroom room;
  room.Create("pupil");
  ServingAdapters serving(room.model, {.home = room.home});
  room.parts.promoted = [&](const std::string& name, int64_t) { serving.Promoted(name); };
  room.options.min_samples = 8;
  room.options.recipe.steps = 16;
  room.Begin();
  room.learner->Start("pupil");
  const auto events = room.learner->events().Subscribe(100'000);

  std::atomic<bool> stop{false};
  std::vector<std::vector<Answered>> answers(kReaders);
  std::vector<std::thread> readers;
  for (int reader = 0; reader < kReaders; ++reader) {
    readers.emplace_back([&, reader] {
      for (int i = 0; !stop; ++i) {
        const std::vector<int32_t> prompt = PromptOf((reader + i) % 8, i % 4);
        const auto adapter = serving.Resolve("pupil");
        const auto generation = room.engine->Submit(Request(prompt, adapter));
        answers[static_cast<size_t>(reader)].push_back({prompt, adapter->name, Ids(*generation)});
      }
    });
  }
  // One burst after the other, so that versions change again and again.
  int64_t promoted = 0;
  for (int burst = 0; burst < kBursts; ++burst) {
    room.learner->AddSamples("pupil", Facts(2 * burst, 2, 4));
    promoted += AwaitVerdict(*events).kind == kPromotion;
  }
  if (promoted > 0) {
    room.learner->RollBack("pupil");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_GE(promoted, 2);
  EXPECT_GT(room.engine->Stats().borrowed_slices, 0);

  std::map<std::pair<std::string, std::vector<int32_t>>, std::vector<int32_t>> alone;
  std::set<std::string> versions;
  std::set<std::vector<int32_t>> different;
  for (const std::vector<Answered>& of_one : answers) {
    for (const Answered& answer : of_one) {
      versions.insert(answer.version);
      auto [known, fresh] = alone.try_emplace({answer.version, answer.prompt});
      if (fresh) {
        const auto adapter = serving.Resolve(answer.version);
        known->second = Ids(*room.engine->Submit(Request(answer.prompt, adapter)));
      }
      EXPECT_EQ(answer.ids, known->second) << answer.version;
      if (answer.prompt == PromptOf(0, 0)) different.insert(answer.ids);
    }
  }
  EXPECT_GE(versions.size(), 3u);
  EXPECT_GE(different.size(), 2u);  // versions can be told apart by what they say
  room.learner.reset();
  std::filesystem::remove_all(room.home);
}

// A stream goes on beside training, and training beside the stream: between steps of the engine it
// gets turns, but no more than its share of the time (which turns_test.cc counts).
TEST(LearnerServing, StreamsGoOnWhileABurstIsTrained) {
  Classroom room;
  room.Create("pupil");
  room.Begin();
  const auto events = room.learner->events().Subscribe(100'000);
  std::atomic<bool> stop{false};
  std::atomic<int64_t> tokens{0};
  std::thread reader([&] {
    while (!stop) {
      GenerationRequest request{.prompt = {1, 2, 3}, .max_tokens = 50, .ignore_eos = true};
      tokens += std::ssize(Ids(*room.engine->Submit(std::move(request))));
    }
  });
  while (tokens == 0) std::this_thread::yield();
  const int64_t before = tokens;
  room.learner->AddSamples("pupil", Facts(0, 4, 4));
  room.learner->Start("pupil");
  EXPECT_EQ(AwaitVerdict(*events).kind, kPromotion);
  EXPECT_GT(tokens, before);
  stop = true;
  reader.join();
  room.learner.reset();
  std::filesystem::remove_all(room.home);
}

}  // namespace
}  // namespace hyprstream::engine
