// The body of the engine thread: reads the mailbox, lets the scheduler plan, runs the model, draws
// tokens and sends events. Everything here belongs to that thread but the mailbox and the published
// statistics. A failure ends the requests it touched, never the loop.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "base/memory_budget.h"
#include "engine/engine.h"
#include "engine/mailbox.h"
#include "engine/memory_plan.h"
#include "engine/page_memory.h"
#include "engine/sampler.h"
#include "engine/scheduler.h"
#include "engine/step_batch.h"
#include "engine/turns.h"
#include "ops/context.h"

namespace hyprstream::engine {

class EngineLoop {
 public:
  /// Reserves and maps what the plan says. Errors: kResourceExhausted.
  EngineLoop(std::shared_ptr<const model::Model> model,
             std::shared_ptr<const text::Tokenizer> tokenizer, const MemoryPlan& plan,
             MemoryBudget* budget, Mailbox& mailbox);

  /// Until the mailbox says stop; then ends every request with kCancelled.
  void Run();

  /// Any thread.
  EngineStats Stats() const;
  Turns& turns() { return turns_; }

 private:
  /// What drawing gave for one row of logits; nothing after a guess that did not come true.
  struct Drawn {
    std::optional<Choice> choice;
    std::optional<Error> error;
  };
  using Owned = std::unique_ptr<Sequence>;

  void Step();
  void Compute();
  void Forward(Matrix logits);
  void DrawAll(Matrix logits);
  /// Draws row by row while the draw is what was guessed.
  void DrawRows(const Output& output, Matrix logits, SamplerWorkspace& workspace);
  void FailStep(std::span<const Share> shares, const Error& error);
  /// Takes what was drawn into the answer.
  void AdvanceAll(const Output& output);
  /// Takes one drawn token into the answer; ends the sequence when it is over. Whether it goes on.
  bool Advance(Sequence& sequence, Drawn drawn);
  void Accept(Sequence& sequence, Choice choice);
  /// Makes what may not come next impossible. Empty for an answer of any form.
  Sampler::Mask MaskOf(const Sequence& sequence, std::optional<ConstraintCursor>& form) const;
  bool EndsGeneration(const Sequence& sequence, int32_t id) const;
  void End(const Sequence& sequence, Finished finished);
  void Announce(Sequence& sequence, Finished finished);
  void EndCancelled(std::vector<Owned> sequences);
  void AccountScratch();
  void Deliver();
  void LendTurn(Clock::time_point since);

  const std::shared_ptr<const model::Model> model_;
  const EngineOptions options_;
  MemoryBudget* const budget_;
  Mailbox& mailbox_;
  const std::vector<int32_t> end_ids_;  // sorted
  PageMemory memory_;
  std::vector<Reservation> scratch_reserved_;
  ThreadPool threads_;
  ops::Scratch scratch_;
  ops::Context context_;
  PagePool pool_;
  Scheduler scheduler_;
  Turns turns_;
  std::vector<SamplerWorkspace> workspaces_;  // one per thread
  // Of the step in progress; kept for their memory.
  StepBatch step_;
  std::vector<Drawn> drawn_;
  std::vector<std::pair<std::shared_ptr<EventChannel>, GenerationEvent>> outbox_;
  EngineStats stats_;
  Clock::time_point started_;
  PhaseClock phase_;
  ForwardClock forward_clock_{stats_.times};

  mutable std::mutex published_mutex_;
  EngineStats published_;  // guarded by published_mutex_
};

}  // namespace hyprstream::engine
