// Token sequences read through without generating: what the model thinks of each token, and where
// the whole lies among meanings. Computed apart from an engine, through a cache that is mapped for
// the call.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/memory_budget.h"
#include "engine/request.h"
#include "model/model.h"

namespace hyprstream::engine {

struct ReadOptions {
  std::span<const AdapterChoice> adapters = {};
  DType cache_dtype = DType::kBF16;
  MemoryBudget* budget = nullptr;  // the cache is reserved here when given
};

/// Mean of the final hidden states over all positions, with length 1: [hidden_size].
/// Errors of both: kInvalidArgument for no ids, ids beyond the vocabulary, or more of them than the
/// model's context; kResourceExhausted.
std::vector<float> Embed(ops::Context& context, const model::Model& model,
                         std::span<const int32_t> ids, const ReadOptions& options);

struct TokenScore {
  std::optional<float> logprob;   // of the token after those before it; none for the first
  std::vector<TokenLogprob> top;  // the best in its place
};
/// One for each id, with the `top` best alternatives.
std::vector<TokenScore> ScoreTokens(ops::Context& context, const model::Model& model,
                                    std::span<const int32_t> ids, int32_t top,
                                    const ReadOptions& options);

}  // namespace hyprstream::engine
