// What `debug gradients` and `debug train` share: the loss, the samples and the adapter that they
// are given, and a trainer over them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "cli/loss_flags.h"
#include "cli/model_run_flags.h"
#include "cli/shell.h"
#include "training/trainer.h"

namespace hyprstream::cli {

struct DebugLossFlags : ModelRunFlags {
  std::string adapter;
  LossFlags loss;

  /// MODEL, --adapter and the loss.
  void RegisterLoss(CLI::App& verb);
};

/// The samples of standard input on the model with the adapter. One thread.
class DebugTrainer {
 public:
  /// Reads standard input to its end. Errors: those of opening the model and the adapter;
  /// kInvalidArgument naming the line.
  DebugTrainer(Shell& shell, const DebugLossFlags& flags, training::TrainerOptions options);

  ops::Context context() { return compute_.context(); }
  training::Trainer& trainer() { return *trainer_; }
  const std::vector<double>& place_scales() const { return trainer_->options().place_scales; }
  const std::vector<training::Sample>& samples() const { return samples_; }
  /// The samples in `parts` consecutive parts as equal as may be, each cut into passes.
  std::vector<training::MicroBatch> Batches(size_t parts) const;

 private:
  const training::LossOptions loss_;
  MemoryBudget budget_;
  engine::Compute compute_;
  std::vector<training::Sample> samples_;
  std::optional<training::Trainer> trainer_;
};

}  // namespace hyprstream::cli
