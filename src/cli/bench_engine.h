// Measures decoding and prefill of a model through the serving engine.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "base/memory_budget.h"
#include "engine/engine.h"

namespace hyprstream::cli {

struct BenchPlan {
  int64_t streams = 1;        // sequences at once
  int64_t prompt_tokens = 1;  // of each
  int64_t new_tokens = 1;     // of each
  int64_t repeat = 1;         // runs that count; one more warms up
  int64_t lead_tokens = 0;    // more that the streams that start first make
};

/// Decode steps in which all streams took part, and the read limit around its run.
struct DecodeSteps {
  std::vector<double> seconds;
  std::vector<double> read_bytes_per_second;
};
/// `read_limit` is called before the first run and after each. Errors: kResourceExhausted when the
/// streams do not fit in the cache at once; also of MeasureDecodePair.
DecodeSteps MeasureDecode(const std::shared_ptr<const model::Model>& model,
                          const engine::EngineOptions& options, BenchPlan plan,
                          MemoryBudget& budget, const std::function<double()>& read_limit);
/// Mean seconds of a decode step of each run, with and without adapters in turns, so that both meet
/// the same machine.
struct PairedSeconds {
  std::vector<double> with;
  std::vector<double> without;
};
/// Stream i takes adapter i modulo their number.
PairedSeconds MeasureDecodePair(
    const std::shared_ptr<const model::Model>& model, const engine::EngineOptions& options,
    BenchPlan plan, const std::vector<std::shared_ptr<const engine::LoadedAdapter>>& adapters,
    MemoryBudget& budget);
/// Seconds from the start of a prompt's computation to its first token, one for each run.
std::vector<double> MeasurePrefill(const std::shared_ptr<const model::Model>& model,
                                   const engine::EngineOptions& options, const BenchPlan& plan,
                                   MemoryBudget& budget);

}  // namespace hyprstream::cli
