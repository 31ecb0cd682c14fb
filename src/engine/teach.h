// Teaching an adapter of the store offline: from its current version, samples and options to a
// trained, evaluated, stored new version. Goes on where an interrupted teaching stopped. One
// thread.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "adapters/store.h"
#include "engine/load.h"
#include "training/run.h"

namespace hyprstream::engine {

struct TeachOptions {
  training::TrainerOptions trainer;
  training::RunOptions run;
  int64_t checkpoint_every = 25;  // steps between saved states
};

/// How a version did: mean losses per sample with and without it.
struct TeachEvaluation {
  training::MeanInterval with_adapter;
  training::MeanInterval before;  // the version it began from
  training::MeanInterval without_adapter;
  int64_t samples = 0;
};

struct TeachResult {
  adapters::VersionRecord version;
  adapters::AdapterStatistics statistics;
  Bytes file_size;
  std::optional<TeachEvaluation> heldout;
  std::optional<TeachEvaluation> general;  // samples of what must not be forgotten
  std::string verdict;                     // why it was promoted or rejected
};

class Teaching {
 public:
  /// `general`: samples that take no part in training; may be empty. Errors: kFailedPrecondition
  /// when the adapter belongs to another base; those of the store, the trainer and the run.
  Teaching(const LoadedModel& loaded, adapters::AdapterStore& store, const std::string& adapter,
           training::RunData data, std::vector<training::Sample> general,
           const TeachOptions& options);

  enum class Begin { kResume, kAfresh };
  /// Restores a saved state when there is one, else places the components.
  /// Returns the step it goes on from.
  int64_t Prepare(ops::Context& context, Begin begin);
  bool done() const { return run_->done(); }
  /// One step; the state is saved now and then.
  training::StepReport Next(ops::Context& context);
  /// Stores the version. With held-out samples it is promoted only when their loss is lower than
  /// before and the general samples' is at most 1 % higher than the base's; without, always.
  TeachResult Finish(ops::Context& context);

  const training::TrainingRun& run() const { return *run_; }
  const training::Trainer& trainer() const { return *trainer_; }

 private:
  using Use = training::Trainer::Use;
  std::filesystem::path StateFile() const;
  std::vector<double> Losses(ops::Context& context, const std::vector<training::Sample>& samples,
                             Use use);
  std::optional<TeachEvaluation> Evaluate(ops::Context& context,
                                          const std::vector<training::Sample>& samples,
                                          const std::vector<double>& before);

  adapters::AdapterStore& store_;
  const std::string name_;
  const std::vector<training::Sample> general_;
  const TeachOptions options_;
  std::unique_ptr<training::Trainer> trainer_;
  std::unique_ptr<training::TrainingRun> run_;
  std::vector<double> heldout_before_;
  std::vector<double> general_before_;
};

}  // namespace hyprstream::engine
