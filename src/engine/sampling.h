// How the next token is drawn from a row of logits, and what is told about the choice. Order of the
// steps: logit bias, penalties, temperature, top-k, top-p, min-p, draw. Deterministic: a function
// of the logits, the parameters, the history and the sequence's generator state.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace hyprstream::engine {

struct SamplingParams {
  float temperature = 0.7f;         // 0: the largest logit (lowest id among equals)
  int32_t top_k = 40;               // 0: off
  float top_p = 0.9f;               // 1: off
  float min_p = 0.0f;               // 0: off
  float repetition_penalty = 1.0f;  // 1: off; over prompt and answer
  /// How many of the last tokens the repetition penalty looks at; 0: none; none given or -1: all.
  std::optional<int32_t> repeat_last_n = {};
  float presence_penalty = 0.0f;   // 0: off; over the answer
  float frequency_penalty = 0.0f;  // 0: off; over the answer
  std::map<int32_t, float> logit_bias = {};
  std::optional<uint64_t> seed = {};  // none: drawn anew for every request
  int32_t logprobs = -1;  // -1: none; n: the chosen token's and the n best alternatives'
};

/// Ranges: temperature 0–100, top_k ≥ 0, top_p and min_p 0–1, repetition_penalty 0.01–100,
/// repeat_last_n ≥ −1,
/// presence and frequency −2–2, logit_bias −100–100 for ids of the vocabulary, logprobs −1–100.
/// Errors: kInvalidArgument naming the parameter, its range and what was given.
void ValidateSampling(const SamplingParams& params, int64_t vocab_size);

struct TokenLogprob {
  int32_t id = 0;
  float logprob = 0;
};

}  // namespace hyprstream::engine
