#include "engine/engine_loop.h"

#include <algorithm>
#include <exception>
#include <string>

#include "base/log.h"
#include "engine/load.h"

namespace hyprstream::engine {
namespace {

// The exception being handled, as the one error type.
Error CurrentError() {
  try {
    throw;
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::kResourceExhausted,
                 {.message = "out of memory", .where = "engine step"});
  } catch (const std::exception& problem) {
    return Error(ErrorCode::kFailedPrecondition,
                 {.message = problem.what(), .where = "engine step"});
  }
}

Usage UsageOf(const Sequence& sequence) {
  const SequenceTimes& times = sequence.times;
  Usage usage;
  usage.prompt_tokens = static_cast<int64_t>(sequence.request.prompt.size());
  usage.cached_tokens = sequence.cached_tokens;
  usage.generated_tokens = sequence.generated();
  if (!sequence.started) {
    usage.queued = Clock::now() - times.submitted;
    return usage;
  }
  usage.queued = times.scheduled - times.submitted;
  const bool answered = times.first_token != Clock::time_point{};
  usage.prefill = (answered ? times.first_token : Clock::now()) - times.scheduled;
  if (answered) usage.decode = times.last_token - times.first_token;
  return usage;
}

}  // namespace

EngineLoop::EngineLoop(std::shared_ptr<const model::Model> model,
                       std::shared_ptr<const text::Tokenizer> tokenizer, const MemoryPlan& plan,
                       MemoryBudget* budget, Mailbox& mailbox)
    : model_(std::move(model)),
      options_(plan.options),
      budget_(budget),
      mailbox_(mailbox),
      end_ids_(EndOfGeneration(model_->config(), tokenizer.get())),
      memory_(plan.pages, plan.page_bytes, budget),
      threads_(options_.threads),
      context_{threads_, kernels::ChooseIsa(), scratch_},
      pool_(plan.pages, options_.prefix_cache ? PrefixReuse::kOn : PrefixReuse::kOff),
      scheduler_({.max_batch_rows = options_.max_batch_rows,
                  .max_sequences = options_.max_sequences,
                  .draft_tokens = options_.draft_tokens,
                  .draft_rows = plan.draft_rows},
                 pool_),
      turns_(threads_, mailbox, {.share = options_.train_share}),
      workspaces_(static_cast<size_t>(threads_.threads())) {
  if (budget_ != nullptr) {
    scratch_reserved_.emplace_back(*budget_, MemoryUse::kScratch, plan.scratch,
                                   "the engine's scratch memory");
  }
  // Guesses make a step of any length at any time.
  step_.Reserve(options_.max_batch_rows);
  drawn_.reserve(static_cast<size_t>(options_.max_batch_rows));
  stats_.pages_total = plan.pages;
  stats_.weights = {model_->weight_bytes()};
  stats_.cache = memory_.bytes();
  published_ = stats_;
}

void EngineLoop::Run() {
  started_ = Clock::now();
  phase_ = {};
  for (;;) {
    const bool nothing_to_do = scheduler_.empty() && !turns_.wanted();
    Mailbox::Mail mail =
        mailbox_.Take(nothing_to_do ? Mailbox::Patience::kWait : Mailbox::Patience::kNoWait);
    phase_.Lap(stats_.times.idle);
    const Clock::time_point since = Clock::now();
    for (Owned& sequence : mail.arrived) scheduler_.Add(std::move(sequence));
    if (mail.stop) break;
    EndCancelled(scheduler_.TakeCancelled());
    if (!scheduler_.empty()) Step();
    Deliver();
    LendTurn(since);
  }
  turns_.Close();
  EndCancelled(scheduler_.TakeAll());
  Deliver();
}

void EngineLoop::Step() {
  std::span<const Share> shares;
  try {
    shares = scheduler_.Plan();
    step_.Fill(shares);
    Compute();
    ++stats_.steps;
    for (const Output& output : step_.outputs()) AdvanceAll(output);
    phase_.Lap(stats_.times.text);
  } catch (...) {
    FailStep(shares, CurrentError());
  }
}

void EngineLoop::Compute() {
  const ops::Scratch::Frame frame(scratch_);
  const Matrix logits = scratch_.AllocateMatrix(step_.output_rows(), model_->config().vocab_size);
  phase_.Lap(stats_.times.schedule);
  Forward(logits);
  phase_.Lap(stats_.times.forward);
  for (const Share& share : step_.shares()) {
    Sequence& sequence = *share.sequence;
    if (!sequence.counted) {
      sequence.counted = true;
      stats_.prompt_tokens += static_cast<int64_t>(sequence.request.prompt.size());
      stats_.cached_tokens += sequence.cached_tokens;
    }
    scheduler_.Complete(share);
  }
  phase_.Lap(stats_.times.schedule);
  DrawAll(logits);
  phase_.Lap(stats_.times.sample);
  AccountScratch();
}

void EngineLoop::Forward(Matrix logits) {
  const model::CacheView cache = model_->CacheLayout(memory_.base(), options_.cache_dtype);
  if (!options_.profile) {
    model_->Forward(context_, step_.batch(), cache, logits);
    return;
  }
  const model::Observer observer = forward_clock_.Begin();
  model_->Forward(context_, step_.batch(), cache, logits, &observer);
  forward_clock_.End();
}

// Each thread draws for some of the sequences; a draw touches its own row and sampler only.
void EngineLoop::DrawAll(Matrix logits) {
  drawn_.clear();
  drawn_.resize(static_cast<size_t>(logits.rows));
  const auto sequences = static_cast<int64_t>(step_.outputs().size());
  threads_.ParallelFor(sequences, 1, [&](int64_t begin, int64_t end, int thread) {
    for (int64_t i = begin; i < end; ++i) {
      DrawRows(step_.outputs()[static_cast<size_t>(i)], logits,
               workspaces_[static_cast<size_t>(thread)]);
    }
  });
}

void EngineLoop::DrawRows(const Output& output, Matrix logits, SamplerWorkspace& workspace) {
  Sequence& sequence = *output.sequence;
  std::optional<ConstraintCursor> form = sequence.form;
  for (int64_t i = 0; i < output.rows; ++i) {
    const int64_t row = output.row + i;
    Drawn& drawn = drawn_[static_cast<size_t>(row)];
    try {
      drawn.choice = sequence.sampler.Draw({logits.row(row), static_cast<size_t>(logits.cols)},
                                           workspace, MaskOf(sequence, form));
      const int32_t id = drawn.choice->id;
      if (i + 1 == output.rows || id != sequence.guesses[static_cast<size_t>(i)]) return;
      if (EndsGeneration(sequence, id)) return;
      if (form) form->Advance(id);
      if (form && form->exhausted()) return;
    } catch (...) {
      drawn.error = CurrentError();
      return;
    }
  }
}

// Only sequences that are still there: some may have ended before the failure.
void EngineLoop::FailStep(std::span<const Share> shares, const Error& error) {
  LogError(std::string("a step failed: ") + error.what());
  if (shares.empty()) {
    for (const Owned& sequence : scheduler_.TakeAll()) {
      Announce(*sequence, {.reason = FinishReason::kError, .error = error});
    }
  }
  for (const Share& share : shares) {
    if (!scheduler_.Holds(share.sequence)) continue;
    End(*share.sequence, {.reason = FinishReason::kError, .error = error});
  }
}

void EngineLoop::AdvanceAll(const Output& output) {
  Sequence& sequence = *output.sequence;
  int64_t taken = 0;
  while (taken < output.rows) {
    Drawn& drawn = drawn_[static_cast<size_t>(output.row + taken)];
    if (!drawn.choice && !drawn.error) break;
    if (!Advance(sequence, std::move(drawn))) return;
    ++taken;
  }
  if (output.rows == 1) return;
  const int64_t right = taken - 1;  // the last one was drawn after them, guessed or not
  sequence.lookup.Judge(output.rows - 1, right);
  stats_.draft_tokens += output.rows - 1;
  stats_.accepted_tokens += right;
  scheduler_.Complete({&sequence, right});
}

bool EngineLoop::Advance(Sequence& sequence, Drawn drawn) {
  if (drawn.error) {
    End(sequence, {.reason = FinishReason::kError, .error = std::move(drawn.error)});
    return false;
  }
  const auto now = Clock::now();
  if (sequence.times.first_token == Clock::time_point{}) sequence.times.first_token = now;
  sequence.times.last_token = now;
  if (EndsGeneration(sequence, drawn.choice->id)) {
    End(sequence, {.reason = FinishReason::kStop, .stop_id = drawn.choice->id});
    return false;
  }
  std::optional<Error> problem;
  try {
    Accept(sequence, std::move(*drawn.choice));
  } catch (...) {
    problem = CurrentError();
  }
  if (problem) {
    End(sequence, {.reason = FinishReason::kError, .error = std::move(problem)});
  } else if (sequence.text.stop() || (sequence.form && sequence.form->exhausted())) {
    End(sequence, {.reason = FinishReason::kStop});
  } else if (sequence.may_generate() <= 0) {
    End(sequence, {.reason = FinishReason::kLength});
  } else {
    return true;
  }
  return false;
}

void EngineLoop::Accept(Sequence& sequence, Choice choice) {
  if (sequence.form) sequence.form->Advance(choice.id);
  sequence.tokens.push_back(choice.id);
  ++stats_.generated_tokens;
  outbox_.emplace_back(sequence.channel, TokenEvent{.id = choice.id,
                                                    .text = sequence.text.Push(choice.id),
                                                    .logprob = choice.logprob,
                                                    .top = std::move(choice.top)});
}

Sampler::Mask EngineLoop::MaskOf(const Sequence& sequence,
                                 std::optional<ConstraintCursor>& form) const {
  if (!form) return {};
  return [this, &sequence, &form](std::span<float> row) {
    std::vector<int32_t> ends = sequence.request.stop_ids;
    if (!sequence.request.ignore_eos) ends.insert(ends.end(), end_ids_.begin(), end_ids_.end());
    form->Mask(row, ends);
  };
}

bool EngineLoop::EndsGeneration(const Sequence& sequence, int32_t id) const {
  const std::vector<int32_t>& own = sequence.request.stop_ids;
  if (std::find(own.begin(), own.end(), id) != own.end()) return true;
  return !sequence.request.ignore_eos && std::binary_search(end_ids_.begin(), end_ids_.end(), id);
}

void EngineLoop::End(const Sequence& sequence, Finished finished) {
  const Owned owned = scheduler_.Remove(&sequence);
  Announce(*owned, std::move(finished));
}

void EngineLoop::Announce(Sequence& sequence, Finished finished) {
  finished.text = sequence.text.Finish();
  finished.stop = sequence.text.stop();
  if (finished.stop && finished.reason == FinishReason::kLength) {
    finished.reason = FinishReason::kStop;
  }
  finished.seed = sequence.sampler.seed();
  finished.usage = UsageOf(sequence);
  outbox_.emplace_back(sequence.channel, std::move(finished));
}

void EngineLoop::EndCancelled(std::vector<Owned> sequences) {
  for (const Owned& sequence : sequences) {
    Announce(*sequence, {.reason = FinishReason::kCancelled});
  }
}

// What a step took beyond the estimate is written down after the fact.
void EngineLoop::AccountScratch() {
  const uint64_t held = scratch_.held();
  if (held <= stats_.scratch.value) return;
  stats_.scratch = {held};
  if (budget_ == nullptr) return;
  uint64_t reserved = 0;
  for (const Reservation& part : scratch_reserved_) reserved += part.bytes().value;
  if (held <= reserved) return;
  try {
    scratch_reserved_.emplace_back(*budget_, MemoryUse::kScratch, Bytes{held - reserved},
                                   "the engine's scratch memory");
  } catch (const Error& error) {
    LogWarning(error.what());
  }
}

void EngineLoop::Deliver() {
  stats_.running = scheduler_.running();
  stats_.waiting = scheduler_.waiting();
  stats_.preemptions = scheduler_.preemptions();
  stats_.pages_used = pool_.held();
  stats_.pages_cached = pool_.kept();
  phase_.Lap(stats_.times.deliver);
  stats_.times.wall = Clock::now() - started_;
  {
    const std::lock_guard lock(published_mutex_);
    published_ = stats_;
  }
  // Statistics first: who has seen an event finds it counted.
  for (auto& [channel, event] : outbox_) channel->Push(std::move(event));
  outbox_.clear();
  phase_.Lap(stats_.times.deliver);
}

void EngineLoop::LendTurn(Clock::time_point since) {
  if (!turns_.wanted()) return;
  if (scheduler_.empty()) {
    turns_.LendIdle();
  } else {
    turns_.LendShare(Clock::now() - since);
  }
  stats_.borrowed_slices = turns_.lent().slices;
  stats_.lent_between = turns_.lent().shared;
  phase_.Lap(stats_.times.lent);
}

EngineStats EngineLoop::Stats() const {
  const int64_t unread = mailbox_.unread();
  const std::lock_guard lock(published_mutex_);
  EngineStats stats = published_;
  stats.waiting += unread;
  return stats;
}

}  // namespace hyprstream::engine
