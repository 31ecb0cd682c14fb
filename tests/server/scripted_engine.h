// An engine that says what it was told to, token by token.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "engine/engine.h"

namespace hyprstream::testing {

struct Script {
  std::vector<std::string> tokens;
  engine::FinishReason reason = engine::FinishReason::kStop;
  std::optional<Error> error = {};
};

class ScriptedGeneration : public engine::Generation {
 public:
  explicit ScriptedGeneration(const Script& script) {
    engine::Finished finished{.reason = script.reason, .error = script.error};
    finished.usage.prompt_tokens = 7;
    finished.usage.cached_tokens = 4;
    finished.usage.generated_tokens = static_cast<int64_t>(script.tokens.size());
    for (const std::string& token : script.tokens) {
      events_.emplace_back(engine::TokenEvent{.id = 1, .text = token, .logprob = -0.5f});
    }
    events_.emplace_back(std::move(finished));
  }

  std::optional<engine::GenerationEvent> Next() override { return TryNext(); }
  std::optional<engine::GenerationEvent> NextUntil(std::chrono::steady_clock::time_point) override {
    return TryNext();
  }
  std::optional<engine::GenerationEvent> TryNext() override {
    if (events_.empty()) return std::nullopt;
    engine::GenerationEvent event = std::move(events_.front());
    events_.pop_front();
    return event;
  }
  void WhenReady(std::function<void()>) override {}
  bool finished() const override { return events_.empty(); }
  void Cancel() override {}

 private:
  std::deque<engine::GenerationEvent> events_;
};

class ScriptedEngine : public engine::Engine {
 public:
  /// The scripts answer the requests in their order.
  explicit ScriptedEngine(std::vector<Script> scripts) : scripts_(scripts.begin(), scripts.end()) {}

  std::unique_ptr<engine::Generation> Submit(engine::GenerationRequest) override {
    const Script script = scripts_.front();
    scripts_.pop_front();
    return std::make_unique<ScriptedGeneration>(script);
  }
  engine::EngineStats Stats() const override { return {}; }
  const engine::EngineOptions& options() const override { return options_; }
  engine::Turns& turns() override { std::abort(); }

 private:
  std::deque<Script> scripts_;
  engine::EngineOptions options_;
};

}  // namespace hyprstream::testing
