// The engine: one thread owns the model's compute, the key/value cache and the scheduler; requests
// come in by a queue and events go out by a queue per request. Each step mixes chunks of prompts
// with single next tokens of running sequences. Submit, Cancel and Stats may be called by any
// thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/memory_budget.h"
#include "engine/request.h"
#include "engine/step_times.h"
#include "engine/turns.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace hyprstream::engine {

struct EngineOptions {
  int threads = 0;                   // 0: all processors
  int64_t context = 0;               // longest sequence in tokens; 0: the model's, at most 4096
  DType cache_dtype = DType::kBF16;  // or kF32
  Bytes cache_bytes{0};              // 0: what 8 full contexts need, within the memory limit
  int32_t max_batch_rows = 512;      // tokens computed in one step
  int32_t max_sequences = 64;        // running at once, at most max_batch_rows; more wait
  bool prefix_cache = true;
  /// Most tokens that are guessed from a sequence's own text and checked in one step (prompt
  /// lookup). The answer is the same without; 0: none.
  int32_t draft_tokens = 8;
  double train_share = 0.3;  // of the time between steps, for whoever borrows turns; 0 to 0.9
  bool profile = false;      // also tells the parts of the forward pass apart (EngineStats::times)
};

struct EngineStats {
  int64_t running = 0;
  int64_t waiting = 0;
  int64_t pages_total = 0;
  int64_t pages_used = 0;    // held by running sequences
  int64_t pages_cached = 0;  // kept for prefix reuse, free to be taken
  int64_t steps = 0;
  int64_t preemptions = 0;    // sequences that gave up their pages and waited again
  int64_t prompt_tokens = 0;  // of admitted requests
  int64_t cached_tokens = 0;  // of these, found in the prefix cache
  int64_t generated_tokens = 0;
  int64_t draft_tokens = 0;                 // guessed
  int64_t accepted_tokens = 0;              // of these, part of an answer
  int64_t borrowed_slices = 0;              // computed by the borrower of turns
  std::chrono::nanoseconds lent_between{};  // to the borrower, between the steps of requests
  StepTimes times;
  Bytes weights;
  Bytes cache;
  Bytes scratch;
};

/// A request in flight. One consumer thread. Dropping it cancels the request.
class Generation {
 public:
  virtual ~Generation() = default;
  /// Blocks for the next event. Nothing after Finished has been returned.
  virtual std::optional<GenerationEvent> Next() = 0;
  /// As Next, but gives up at the deadline and returns nothing (finished() tells which it was).
  virtual std::optional<GenerationEvent> NextUntil(
      std::chrono::steady_clock::time_point deadline) = 0;
  /// What is there now; never blocks.
  virtual std::optional<GenerationEvent> TryNext() = 0;
  /// For consumers that must not block: `ready` is called once, by the engine's thread, when an
  /// event arrives after TryNext has returned nothing, and again after each such TryNext. It must
  /// be quick and may outlive the generation by a moment. Set it before the first TryNext.
  virtual void WhenReady(std::function<void()> ready) = 0;
  virtual bool finished() const = 0;
  virtual void Cancel() = 0;
};

class Engine {
 public:
  /// `tokenizer` may be null: answers have no text, and stop strings are refused. `budget` may be
  /// null; it must outlive the engine. Errors: kResourceExhausted when not even one context fits,
  /// saying what would; kInvalidArgument for options out of range.
  static std::unique_ptr<Engine> Create(std::shared_ptr<const model::Model> model,
                                        std::shared_ptr<const text::Tokenizer> tokenizer,
                                        const EngineOptions& options,
                                        MemoryBudget* budget = nullptr);
  /// Requests in flight end with kCancelled.
  virtual ~Engine() = default;

  /// Errors: kInvalidArgument (empty prompt, id beyond the vocabulary, sampling out of range, empty
  /// stop string, adapter without a content hash; a prompt that leaves no room for a token in the
  /// context, with limit and count: `where` is "context").
  virtual std::unique_ptr<Generation> Submit(GenerationRequest request) = 0;
  virtual EngineStats Stats() const = 0;
  virtual const EngineOptions& options() const = 0;  // with defaults resolved
  /// For one borrower of the engine's threads, who must be gone before the engine is.
  virtual Turns& turns() = 0;
};

}  // namespace hyprstream::engine
