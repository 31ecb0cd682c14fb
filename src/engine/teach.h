// Teaching an adapter of the store: from its current version, samples and options to a trained,
// evaluated, stored new version. Goes on where an interrupted teaching stopped. Offline and live
// learning are both driven by this. One thread.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "adapters/store.h"
#include "engine/gate.h"
#include "engine/load.h"
#include "training/run.h"

namespace hyprstream::engine {

struct TeachOptions {
  training::TrainerOptions trainer;
  training::RunOptions run;
  int64_t checkpoint_every = 25;                    // steps between saved states
  std::string state_name = "training.safetensors";  // of the saved state, in the adapter's folder
  size_t known = 0;                                 // as GateLosses has it, of the held-out samples
  /// When what the model knew is predicted too much worse, down to this share of what was learnt is
  /// tried before the version is given up; 1: all or nothing.
  double least_share = 1.0;
};

/// What a version is stored with besides its evaluation.
struct StoreOptions {
  std::optional<int64_t> samples = {};  // seen so far, instead of those of this teaching
  std::optional<int64_t> follows = {};  // as adapters::NewVersion has it
  std::function<void(Database&)> along = {};
  /// The saved state stays, and whoever goes on from it stores no second version of equal content.
  bool until_forgotten = false;
};

/// How a version did: mean losses of a target with and without it.
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
  std::optional<TeachEvaluation> heldout;  // by the loss that was trained on
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
  training::StepReport Next(ops::Context& context) { return run_->Next(context); }
  /// After every `checkpoint_every`th step; computes nothing.
  void SaveIfDue() const;
  void Save() const;
  /// After the last step: computes the losses that engine/gate.h judges.
  void Evaluate(ops::Context& context);
  /// After Evaluate: stores the version, promoted or rejected. Computes nothing. Errors: those of
  /// AdapterStore::AddVersion.
  TeachResult Store(const StoreOptions& options = {});
  /// Removes the saved state: the next teaching begins from the current version.
  void Forget();

  const training::TrainingRun& run() const { return *run_; }
  const training::Trainer& trainer() const { return *trainer_; }

 private:
  using Use = training::Trainer::Use;
  std::filesystem::path StateFile() const;
  struct Judged;  // samples and the loss that counts on them
  Judged Heldout() const;
  Judged General() const;
  std::vector<double> Losses(ops::Context& context, const Judged& judged, Use use);
  adapters::VersionRecord AddVersion(const adapters::NewVersion& version, bool once);
  struct Measured {
    std::vector<double> before;  // by the version it began from
    std::vector<double> now;
    std::vector<double> base;
    std::vector<double> targets;
    std::optional<TeachEvaluation> Summary() const;
  };
  void Measure(ops::Context& context, const Judged& judged, Measured& measured);
  GateLosses Losses() const;
  void TakeLess(ops::Context& context);

  adapters::AdapterStore& store_;
  const std::string name_;
  const std::vector<training::Sample> general_;
  const TeachOptions options_;
  std::unique_ptr<training::Trainer> trainer_;
  std::unique_ptr<training::TrainingRun> run_;
  Measured heldout_;
  Measured general_measured_;
  training::AdapterSnapshot begin_;  // the version it began from
  bool begins_as_base_ = false;      // without a version before
  double share_ = 1.0;               // of what was learnt
};

}  // namespace hyprstream::engine
