// What an engine's options come to for a model and a memory limit: every default resolved, and
// refused with numbers when not even one sequence of the context's length fits.
#pragma once

#include <cstdint>

#include "base/memory_budget.h"
#include "engine/engine.h"
#include "model/model.h"

namespace hyprstream::engine {

struct MemoryPlan {
  EngineOptions options = {};  // nothing is 0 for "default" any more
  int64_t pages = 0;
  uint64_t page_bytes = 0;
  int64_t draft_rows = 0;  // rows of a step up to which there is room for guesses
  Bytes scratch = {};      // estimate of a step's activations and logits
};

/// `budget` may be null. Errors: kInvalidArgument naming the option; kResourceExhausted saying
/// which context or cache would fit.
MemoryPlan PlanMemory(const model::Model& model, const EngineOptions& options,
                      const MemoryBudget* budget);

}  // namespace hyprstream::engine
