#include "engine/rehearsal.h"

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace hyprstream::engine {
namespace {

using text::Value;

struct Drawn {
  std::vector<int32_t> ids;
  std::string text;
  std::optional<int32_t> end;
};

Drawn Collect(Generation& generation, const std::function<void()>& check) {
  Drawn drawn;
  while (const std::optional<GenerationEvent> event = generation.Next()) {
    if (check) check();
    if (const auto* token = std::get_if<TokenEvent>(&*event)) {
      drawn.ids.push_back(token->id);
      drawn.text += token->text;
    } else {
      const auto& finished = std::get<Finished>(*event);
      if (finished.error) throw *finished.error;
      drawn.text += finished.text;
      drawn.end = finished.stop_id;
    }
  }
  return drawn;
}

// The prompt as far as a user's words begin: the template rendered around a mark, cut there.
std::optional<std::vector<int32_t>> QuestionOpening(const LoadedModel& loaded) {
  constexpr std::string_view kMark = "hyprstream-mark";
  const Value message =
      Value::Object({{"role", Value::String("user")}, {"content", Value::String(kMark)}});
  text::MarkedText text =
      loaded.prompts->Render({.messages = Value::List({message}), .add_generation_prompt = false});
  const size_t at = text.text.find(kMark);
  if (at == std::string::npos || at == 0) return std::nullopt;
  text.text.resize(at);
  std::erase_if(text.inert, [&](const auto& range) { return range.begin >= at; });
  for (auto& range : text.inert) range.end = std::min(range.end, at);
  return loaded.tokenizer->Encode(text, loaded.prompts->source() != PromptBuilder::Source::kModel);
}

GenerationRequest Request(std::vector<int32_t> prompt, int32_t max_tokens, uint64_t seed) {
  GenerationRequest request{.prompt = std::move(prompt), .max_tokens = max_tokens};
  request.sampling.temperature = 1.0f;
  request.sampling.top_k = 0;
  request.sampling.top_p = 1.0f;
  request.sampling.seed = seed;
  return request;
}

constexpr size_t kTogether = 32;

/// What is drawn goes through the queue that everybody's requests go through: all at once would
/// fill it, and others would be turned away. `submit(i)` begins, `take(i, generation)` is called in
/// order.
template <typename Submit, typename Take>
void FewAtATime(int64_t count, Submit&& submit, Take&& take) {
  std::deque<std::unique_ptr<Generation>> begun;
  int64_t next = 0;
  for (int64_t i = 0; i < count; ++i) {
    while (next < count && begun.size() < kTogether) begun.push_back(submit(next++));
    take(i, *begun.front());
    begun.pop_front();
  }
}

}  // namespace

std::vector<training::Sample> Rehearse(const LoadedModel& loaded, Engine& engine,
                                       const RehearsalOptions& options) {
  std::vector<training::Sample> samples;
  const std::optional<std::vector<int32_t>> opening = QuestionOpening(loaded);
  if (!opening) return samples;
  Progress progress(options.progress, "rehearsing what the model knows",
                    static_cast<uint64_t>(2 * options.count));
  const uint64_t seed = options.seed * 1'000'003;
  std::vector<std::vector<int32_t>> prompts;
  const auto ask = [&](int64_t i) {
    return engine.Submit(
        Request(*opening, options.question_tokens, seed + static_cast<uint64_t>(2 * i)));
  };
  FewAtATime(options.count, ask, [&](int64_t, Generation& generation) {
    const Drawn question = Collect(generation, options.check);
    progress.Advance(1);
    if (question.text.empty() || !question.end) return;
    const Value message =
        Value::Object({{"role", Value::String("user")}, {"content", Value::String(question.text)}});
    prompts.push_back(loaded.prompts->Chat({.messages = Value::List({message}).AsInput()}).ids);
  });
  const auto answer_to = [&](int64_t i) {
    return engine.Submit(Request(prompts[static_cast<size_t>(i)], options.answer_tokens,
                                 seed + static_cast<uint64_t>(2 * i + 1)));
  };
  FewAtATime(std::ssize(prompts), answer_to, [&](int64_t i, Generation& generation) {
    const Drawn answer = Collect(generation, options.check);
    progress.Advance(1);
    training::Sample sample{.ids = std::move(prompts[static_cast<size_t>(i)]), .labels = {}};
    sample.labels.assign(sample.ids.size(), training::kIgnoredLabel);
    const auto add = [&](int32_t id) {
      sample.ids.push_back(id);
      sample.labels.push_back(id);
    };
    for (const int32_t id : answer.ids) add(id);
    if (answer.end) add(*answer.end);
    if (training::CountTargets(sample) > 0) samples.push_back(std::move(sample));
  });
  progress.Finish();
  return samples;
}

}  // namespace hyprstream::engine
