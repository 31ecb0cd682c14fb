// Where each adapter's learning stands, kept in the catalogue so that a process killed at any
// moment is followed by one that goes on: whether it is to learn, and the burst in progress, which
// is a set of samples taken out of the queue together and trained on until they make a version.
// One thread per object; several objects and processes may use the same home.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/sqlite.h"

namespace hyprstream::adapters {

/// kStopping: what was queued when it was told to stop is still trained on.
enum class LearningState { kStopped, kRunning, kStopping };
/// "stopped", "running", "stopping".
std::string_view LearningStateName(LearningState state);

struct Burst {
  int64_t number = 0;
  int64_t base = 0;  // the version it begins from
};

struct LearningRecord {
  LearningState state = LearningState::kStopped;
  int64_t flush_to = 0;  // while stopping: the last sample that is still trained on
  std::optional<Burst> open = {};
  std::optional<double> loss = {};  // of the last saved step
  std::optional<double> learning_rate = {};
  std::string updated = {};  // UTC, ISO 8601; empty before the first
};

/// How one adapter is taught instead of as the learner is told.
struct LearningPlan {
  std::optional<int64_t> epochs = {};  // times each sample is seen
  std::optional<int64_t> batch = {};   // samples of one step
  double rate = 1.0;                   // times the learning rate
  int64_t seed = 0;                    // added
  int64_t most_samples = 0;            // of one burst; 0: as the learner is told
};

/// Which samples a burst takes out of the queue, by id.
struct BurstSamples {
  std::span<const int64_t> train = {};     // stay queued until it ends
  std::span<const int64_t> held_out = {};  // at once
  std::span<const int64_t> unusable = {};  // at once
};

class LearningRecords {
 public:
  /// Creates what is missing. Errors: those of Database; kIo.
  explicit LearningRecords(const std::filesystem::path& home);

  // Errors of all that name an adapter: kNotFound.
  LearningRecord Get(std::string_view adapter);
  /// Names of the adapters that are not stopped.
  std::vector<std::string> Active();
  void Start(std::string_view adapter);
  /// kStopped when nothing is queued, else kStopping.
  LearningState Stop(std::string_view adapter);
  void Stopped(std::string_view adapter);

  /// In one transaction.
  Burst Begin(std::string_view adapter, int64_t base, const BurstSamples& samples);
  /// The same samples from another version on.
  void Rebase(std::string_view adapter, int64_t base);
  /// Its samples are trained from now on.
  void End(std::string_view adapter);
  /// The same inside a transaction of the caller's.
  static void EndWithin(Database& database, std::string_view adapter);

  /// From the next burst on, also when this one is begun again. Nothing: as the learner is told.
  void SetPlan(std::string_view adapter, const std::optional<LearningPlan>& plan);
  std::optional<LearningPlan> Plan(std::string_view adapter);

  /// What the last saved step had.
  void Note(std::string_view adapter, double loss, double learning_rate);

  /// Whether there may be news since the last call: others' writes, or an adapter Stopped here.
  bool Changed();

 private:
  /// Makes the adapter's row when there is none; returns the adapter's number.
  int64_t Row(std::string_view adapter);

  Database database_;
  int64_t seen_ = -1;  // SQLite's data_version
};

}  // namespace hyprstream::adapters
