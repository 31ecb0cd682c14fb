// A tiny model that is served and taught: samples are token ids, so no tokenizer is needed.
#pragma once

#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "adapters/adapter_spec.h"
#include "adapters/store.h"
#include "base/error.h"
#include "base/random.h"
#include "engine/engine.h"
#include "engine/learning/learner.h"
#include "support/data.h"
#include "text/json_value.h"

namespace hyprstream::testing {

inline std::vector<training::Sample> EncodeIds(std::string_view body) {
  const text::Value object = text::ParseJson(body);
  const auto ids = [&](std::string_view name) {
    std::vector<int32_t> found;
    if (const text::Value* list = object.Find(name)) {
      for (const text::Value& id : list->items())
        found.push_back(static_cast<int32_t>(id.as_int()));
    }
    return found;
  };
  std::vector<training::Sample> samples{{.ids = ids("ids"), .labels = ids("labels")}};
  training::CheckSample(samples.front(), 512, 128);
  return samples;
}

/// To a prompt of three ids an answer of four.
inline adapters::NewSample IdSample(const std::vector<int32_t>& prompt,
                                    const std::vector<int32_t>& answer) {
  std::string ids, labels;
  for (const int32_t id : prompt) {
    ids += (ids.empty() ? "" : ", ") + std::to_string(id);
    labels += labels.empty() ? "-100" : ", -100";
  }
  for (const int32_t id : answer) {
    ids += ", " + std::to_string(id);
    labels += ", " + std::to_string(id);
  }
  return {.body = R"({"ids": [)" + ids + R"(], "labels": [)" + labels + "]}"};
}

inline std::vector<int32_t> RandomIds(int count, uint64_t seed) {
  const CounterRandom random(seed);
  std::vector<int32_t> ids;
  for (int i = 0; i < count; ++i) {
    ids.push_back(static_cast<int32_t>(random.Uniform(static_cast<uint64_t>(i)) * 400.0));
  }
  return ids;
}

/// Facts in several words: fact f has one answer and as many prompts as one likes, which share two
/// of their ids.
inline std::vector<int32_t> PromptOf(int fact, int phrasing) {
  std::vector<int32_t> prompt = RandomIds(2, 1000 + static_cast<uint64_t>(fact));
  prompt.insert(prompt.begin(), static_cast<int32_t>(phrasing));
  return prompt;
}
inline std::vector<int32_t> AnswerOf(int fact) {
  return RandomIds(4, 2000 + static_cast<uint64_t>(fact));
}
inline std::vector<adapters::NewSample> Facts(int first, int count, int phrasings) {
  std::vector<adapters::NewSample> samples;
  for (int fact = first; fact < first + count; ++fact) {
    for (int phrasing = 0; phrasing < phrasings; ++phrasing) {
      samples.push_back(IdSample(PromptOf(fact, phrasing), AnswerOf(fact)));
    }
  }
  return samples;
}

/// What the base must not forget.
inline std::vector<training::Sample> RandomRehearsal(int count) {
  std::vector<training::Sample> samples;
  for (int i = 0; i < count; ++i) {
    training::Sample sample{.ids = RandomIds(8, 5000 + static_cast<uint64_t>(i)), .labels = {}};
    sample.labels = sample.ids;
    std::fill_n(sample.labels.begin(), 4, training::kIgnoredLabel);
    samples.push_back(std::move(sample));
  }
  return samples;
}

inline engine::LearnerOptions QuickOptions() {
  engine::LearnerOptions options;
  options.rows = 64;
  options.keep_versions = 1000;
  options.retry_after = std::chrono::milliseconds(20);
  options.recipe.steps = 40;
  options.recipe.batch = 8;
  options.recipe.learning_rate = 2e-2;
  return options;
}

class Classroom {
 public:
  explicit Classroom(std::filesystem::path where = {}) : home(std::move(where)) {
    if (home.empty()) {
      home = std::filesystem::temp_directory_path() /
             ("hyprstream_learner_test_" + std::to_string(getpid()));
      std::filesystem::remove_all(home);
    }
    ThreadPool pool(1);
    ops::Scratch scratch;
    ops::Context context{pool, kernels::ChooseIsa(), scratch};
    model =
        model::Model::Load(formats::ModelFiles::Open(DataPath("fixtures/qwen3-untied")), context);
    engine = engine::Engine::Create(model, nullptr, {.threads = 1, .context = 64});
    options = QuickOptions();
    parts = {.model = model,
             .model_name = "tiny",
             .home = home,
             .turns = &engine->turns(),
             .encode = EncodeIds,
             .rehearse = [](const std::function<void()>&) { return RandomRehearsal(32); }};
  }
  ~Classroom() {
    learner.reset();
    engine.reset();
  }

  void Create(const std::string& name) const {
    adapters::AdapterSpec spec = adapters::DefaultSpec(adapters::AdapterKind::kSparse,
                                                       model->config(), model->fingerprint());
    spec.sparsity = 0.9;
    spec.nominal_rank = 16;
    adapters::AdapterStore(home).Create({.name = name,
                                         .kind = "sparse",
                                         .base_model = "tiny",
                                         .base_fingerprint = model->fingerprint(),
                                         .spec = adapters::WriteSpec(spec)});
  }
  void Begin() { learner = std::make_unique<engine::Learner>(parts, options); }

  std::filesystem::path home;
  std::shared_ptr<const model::Model> model;
  std::unique_ptr<engine::Engine> engine;
  engine::LearnerParts parts;
  engine::LearnerOptions options;
  std::unique_ptr<engine::Learner> learner;
};

/// Waits for an event of this kind; steps are passed over. Fails the program after two minutes.
inline engine::LearningEvent Await(engine::EventSubscription& events,
                                   std::vector<engine::LearningEventKind> kinds) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  while (std::optional<engine::LearningEvent> event = events.NextUntil(deadline)) {
    if (std::ranges::find(kinds, event->kind) != kinds.end()) return *event;
  }
  throw std::runtime_error("the event that was waited for has not come");
}
/// The end of a burst: a promotion or a rejection.
inline engine::LearningEvent AwaitVerdict(engine::EventSubscription& events) {
  using enum engine::LearningEventKind;
  return Await(events, {kPromotion, kRejection});
}

}  // namespace hyprstream::testing
