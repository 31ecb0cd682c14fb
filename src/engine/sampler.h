// Draws the tokens of one sequence from its rows of logits. Owns the sequence's history and its
// generator; a draw depends on nothing else, so batching and recomputation do not change the text.
// One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "engine/distribution.h"
#include "engine/sampling.h"
#include "engine/top_selector.h"

namespace hyprstream::engine {

struct Choice {
  int32_t id = 0;
  std::optional<float> logprob;  // of the model's own distribution, before any adjustment
  std::vector<TokenLogprob> top;
};

/// Buffers of a draw, reused by all sequences that one thread samples.
struct SamplerWorkspace {
  TopSelector selector;
  Distribution distribution;
  std::vector<Candidate> replaced;  // entries of the row before bias and penalties
};

class Sampler {
 public:
  /// Ids from `usable_ids` on are never drawn (rows that pad the embedding). `prompt` counts for
  /// the repetition penalty, as far as `repeat_last_n` reaches.
  Sampler(const SamplingParams& params, std::span<const int32_t> prompt, int64_t usable_ids,
          uint64_t seed);

  /// Makes −∞ of what must not be drawn, but not of everything.
  using Mask = std::function<void(std::span<float>)>;
  /// row: [vocab_size], as the model made it; it is used up (bias and penalties are added to it).
  /// `mask` may be empty. The chosen token joins the history. Errors: kDataLoss when the row holds
  /// NaN or infinity; those of `mask`.
  Choice Draw(std::span<float> row, SamplerWorkspace& workspace, const Mask& mask = {});

  uint64_t seed() const { return seed_; }

 private:
  struct Seen {
    int32_t recent = 0;  // times among those that the repetition penalty looks at
    int32_t in_answer = 0;
  };

  void Adjust(std::span<float> row, std::vector<Candidate>& replaced) const;
  void Penalize(float& logit, const Seen& seen) const;
  int32_t Pick(SamplerWorkspace& workspace) const;
  void Remember(int32_t id);
  void Repeat(int32_t id);

  SamplingParams params_;
  int64_t usable_ids_;
  uint64_t seed_;
  CounterRandom random_;
  uint64_t drawn_ = 0;
  bool penalties_;  // any is on: the history is kept
  std::unordered_map<int32_t, Seen> history_;
  size_t window_;               // of the repetition penalty
  std::deque<int32_t> recent_;  // at most `window_` tokens; empty when that is everything
};

}  // namespace hyprstream::engine
