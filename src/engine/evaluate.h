// Logits of given token sequences, computed through the same cache and batching as serving but
// without sampling: for comparison with other implementations and for evaluation.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/memory_budget.h"
#include "engine/request.h"
#include "model/model.h"
#include "ops/context.h"
#include "tensor/tensor.h"

namespace hyprstream::engine {

struct EvaluateOptions {
  int64_t step = 0;  // tokens of each sequence fed at a time; 0: all at once
  DType cache_dtype = DType::kBF16;
  int64_t last = 0;  // keep logits of the last n positions only; 0: all
  std::vector<AdapterChoice> adapters = {};
  MemoryBudget* budget = nullptr;  // cache and logits are reserved here when given
};

struct Evaluation {
  Tensor logits;           // f32 [kept positions, vocab_size]
  double logprob_sum = 0;  // Σ log p(token t+1 | tokens ≤ t) over the whole sequence, in f64
};

/// All sequences form one batch, each step feeding `step` tokens of each (cut further where one
/// forward pass would exceed 512 rows or 64 MiB of logits). The result does not depend on `step`
/// nor on the other sequences. The cache is mapped for the call. Errors: kInvalidArgument for an
/// empty sequence, ids beyond the vocabulary, and sequences beyond the model's context;
/// kResourceExhausted when the budget is too small.
std::vector<Evaluation> EvaluateSequences(ops::Context& context, const model::Model& model,
                                          std::span<const std::vector<int32_t>> sequences,
                                          const EvaluateOptions& options);

}  // namespace hyprstream::engine
