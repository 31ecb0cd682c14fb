// Runs requests through an engine and keeps all they say, and the same answer computed the plain
// way.
#pragma once

#include <bit>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/engine.h"
#include "engine/sampler.h"
#include "fake_model.h"

namespace hyprstream::testing {

struct Answer {
  std::vector<int32_t> ids;
  std::vector<uint32_t> logprob_bits;  // of the chosen and the best tokens, in order
  std::string text;
  engine::Finished finished;

  void AddLogprobs(const std::optional<float>& own, const std::vector<engine::TokenLogprob>& top) {
    if (own) logprob_bits.push_back(std::bit_cast<uint32_t>(*own));
    for (const engine::TokenLogprob& one : top) {
      logprob_bits.push_back(static_cast<uint32_t>(one.id));
      logprob_bits.push_back(std::bit_cast<uint32_t>(one.logprob));
    }
  }
};

inline Answer Collect(engine::Generation& generation) {
  Answer answer;
  while (auto event = generation.Next()) {
    if (auto* token = std::get_if<engine::TokenEvent>(&*event)) {
      answer.ids.push_back(token->id);
      answer.text += token->text;
      answer.AddLogprobs(token->logprob, token->top);
    } else {
      answer.finished = std::get<engine::Finished>(*event);
      answer.text += answer.finished.text;
    }
  }
  return answer;
}

inline Answer Ask(engine::Engine& engine, engine::GenerationRequest request) {
  return Collect(*engine.Submit(std::move(request)));
}

/// All at once; answers in the order of the requests.
inline std::vector<Answer> AskAll(engine::Engine& engine,
                                  const std::vector<engine::GenerationRequest>& requests) {
  std::vector<std::unique_ptr<engine::Generation>> generations;
  for (const engine::GenerationRequest& request : requests) {
    generations.push_back(engine.Submit(request));
  }
  std::vector<Answer> answers;
  for (const auto& generation : generations) answers.push_back(Collect(*generation));
  return answers;
}

/// Token after token from the fake model's own formula: no engine, no cache. Needs a seed.
inline Answer PlainAnswer(const FakeModel& model, const engine::GenerationRequest& request,
                          int64_t context) {
  const auto vocab = model.config().vocab_size;
  engine::Sampler sampler(request.sampling, request.prompt, vocab, request.sampling.seed.value());
  engine::SamplerWorkspace workspace;
  std::vector<int32_t> tokens = request.prompt;
  Answer answer;
  answer.finished.reason = engine::FinishReason::kLength;
  while (static_cast<int64_t>(answer.ids.size()) < request.max_tokens &&
         static_cast<int64_t>(tokens.size()) < context) {
    std::vector<float> logits = model.Expected(tokens, request.adapters);
    const engine::Choice choice = sampler.Draw(logits, workspace);
    for (const int32_t end : model.config().eos_ids) {
      if (choice.id != end || request.ignore_eos) continue;
      answer.finished.reason = engine::FinishReason::kStop;
      return answer;
    }
    tokens.push_back(choice.id);
    answer.ids.push_back(choice.id);
    answer.AddLogprobs(choice.logprob, choice.top);
  }
  return answer;
}

}  // namespace hyprstream::testing
