// Activations between the layers, for comparison with other implementations.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "model/model.h"

namespace hyprstream::engine {

struct HiddenState {
  std::string name;  // "embedding", "layer.N", "final_norm"
  Tensor values;     // f32 [tokens, hidden_size]
};

/// One sequence, computed through an f32 cache. Errors: kInvalidArgument for no ids or ids beyond
/// the vocabulary; kResourceExhausted when cache and states do not fit in the budget.
std::vector<HiddenState> HiddenStates(ops::Context& context, const model::Model& model,
                                      std::span<const int32_t> ids, MemoryBudget* budget = nullptr);

}  // namespace hyprstream::engine
