// A course of training: which samples make each step, the learning rate, evaluation, early
// stopping, regrowth, and a state that can be saved after any step and gone on from with equal
// bits. One step at a time, so that whoever drives it can do other things in between. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "training/grow.h"
#include "training/sample_order.h"
#include "training/schedule.h"
#include "training/snapshot.h"
#include "training/trainer.h"

namespace hyprstream::training {

struct RunData {
  std::vector<Sample> train;
  std::vector<Sample> replay = {};  // of what the base knows and must not forget; may be empty
  std::vector<Sample> review = {};  // of what was taught before; may be empty
  std::vector<Sample> eval = {};    // held out; may be empty
};

struct RunOptions {
  Schedule schedule;  // schedule.steps is the length of the run
  int64_t batch = 16;
  double replay_share = 0.5;  // of each batch; half of it review when there is both
  /// 0: every replayed token weighs the same, so that long texts outweigh short answers; 1: every
  /// replayed sample does, however long; between, by that power of its length.
  double replay_evenness = 0.0;
  LossOptions loss;
  LossOptions replay_loss = {.kind = ops::LossKind::kForwardKl};
  uint64_t seed = 0;
  int64_t rows = 512;                        // tokens computed in one pass
  Bytes teacher_memory{uint64_t{32} << 20};  // of what the base says of replayed samples

  int64_t place_batches = 8;  // of new samples, that components are placed by
  GrowOptions grow;           // weights: as many as the adapter may have
  int64_t regrow_every = 0;   // steps; 0: never
  double regrow_share = 0.1;

  int64_t eval_every = 0;  // steps; 0: only at the end
  int64_t patience = 0;    // evaluations without a better one before it stops; 0: never
  double enough = 0;       // an evaluation's loss at which it has learnt enough; 0: never
  /// Steps after it has learnt enough, while the learning rate falls to schedule.final_share of
  /// itself: what was pushed aside on the way comes back. 0: it stops at once.
  int64_t cool_down = 0;
};

struct StepReport {
  int64_t step = 0;  // counted from 1
  StepResult result;
  double learning_rate = 0;
  double sparsity = 0;  // recounted from the grid
  std::optional<double> eval_loss = {};
  int64_t regrown = 0;
  double seconds = 0;  // of the step with its evaluation

  double tokens_per_second() const { return static_cast<double>(result.tokens) / seconds; }
};

class TrainingRun {
 public:
  /// Borrows the trainer. Errors: kInvalidArgument for no samples or options out of range.
  TrainingRun(Trainer& trainer, RunData data, const RunOptions& options);

  /// Before the first step: gives an adapter without components its own.
  void Prepare(ops::Context& context);
  bool done() const { return stopped_ || step_ >= last_step(); }
  StepReport Next(ops::Context& context);
  /// After the last step: the adapter is the best one by evaluation, when there were any; where
  /// enough was learnt, it stays that of the last step.
  void Finish();

  int64_t step() const { return step_; }
  std::optional<double> best_loss() const { return best_loss_; }
  int64_t best_step() const { return best_step_; }
  bool stopped_early() const { return done() && step_ < options_.schedule.steps; }
  /// Every step so far, those before an interruption included.
  const std::vector<StepReport>& history() const { return history_; }
  const RunData& data() const { return data_; }
  const RunOptions& options() const { return options_; }

  /// Writes everything that is needed to go on, complete or not at all.
  void Save(const std::filesystem::path& path) const;
  /// Goes on from a saved state. Errors: kFailedPrecondition when it was saved with other data,
  /// options or adapter; kDataLoss for a damaged file.
  void Restore(const std::filesystem::path& path);
  /// SHA-256 over the data, the options and the adapter's specification.
  const std::string& identity() const { return identity_; }

 private:
  std::vector<MicroBatch> BatchOf(int64_t step);
  std::vector<MicroBatch> PlacementBatches(int64_t first);
  void Evaluate(ops::Context& context, StepReport& report);
  bool Enough(const StepReport& report) const;
  int64_t last_step() const;
  double LearningRate() const;
  void RequireSomethingToLearn() const;

  Trainer& trainer_;
  const RunData data_;
  const RunOptions options_;
  const std::string identity_;
  SampleOrder train_order_;
  std::optional<SampleOrder> replay_order_;
  std::optional<SampleOrder> review_order_;
  TeacherMemory teacher_memory_;

  int64_t step_ = 0;
  bool prepared_ = false;
  bool stopped_ = false;  // out of patience
  std::optional<double> best_loss_;
  int64_t best_step_ = 0;
  int64_t worse_ = 0;              // evaluations since the best one
  std::optional<int64_t> learnt_;  // the step after which it had learnt enough
  AdapterSnapshot best_;
  std::vector<StepReport> history_;
};

/// Mean and 95 % interval half-width of some losses.
struct MeanInterval {
  double mean = 0;
  double half_width = 0;
};
MeanInterval MeanOf(std::span<const double> values);
/// Of values that stand for so many targets each: with the samples' mean losses, the mean over all
/// targets. The interval is that of a ratio of sums over independent samples.
MeanInterval MeanOf(std::span<const double> values, std::span<const double> targets);

}  // namespace hyprstream::training
