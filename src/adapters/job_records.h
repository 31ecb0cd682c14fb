// Fine-tuning jobs and what they have to tell, tables of the catalogue (`home`/catalog.db): what
// somebody wants an adapter to be taught from a file, and how far that is. What has been returned
// from is on disk. A job's state changes only from the one that is named, so that of two who change
// it one loses. One thread per object; several objects and processes may use the same home.
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

enum class JobStatus {
  kValidatingFiles,
  kQueued,
  kRunning,
  kPaused,
  kSucceeded,
  kFailed,
  kCancelled
};
/// "validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled".
std::string_view JobStatusName(JobStatus status);
/// Succeeded, failed or cancelled.
bool IsFinal(JobStatus status);

struct JobError {
  std::string code;
  std::string message;
  std::string param = {};  // empty: about no field of the request
};

struct JobRecord {
  std::string id;
  std::string model;             // as it was asked for
  std::string source;            // "adapter@version" that it goes on from; empty: the base
  std::string adapter;           // that is made
  std::string base_fingerprint;  // of the model
  std::string training_file;
  std::string validation_file = {};  // empty: none
  std::string suffix = {};
  std::string metadata = {};           // JSON object
  std::optional<int64_t> epochs = {};  // nothing for these: the server chooses
  std::optional<int64_t> batch = {};   // samples of a step
  std::optional<double> rate = {};     // times the learning rate
  int64_t seed = 0;
  JobStatus status = JobStatus::kValidatingFiles;
  int64_t created = 0;  // seconds since 1970
  std::optional<int64_t> finished = {};
  int64_t lines = 0;  // of the training file; 0: not looked at yet
  std::optional<int64_t> trained_tokens = {};
  std::optional<JobError> error = {};
};

enum class JobEventLevel { kInfo, kWarn, kError };
/// "info", "warn", "error".
std::string_view JobEventLevelName(JobEventLevel level);

struct JobEvent {
  std::string id = {};  // set by the records, as `created`
  int64_t created = 0;  // seconds since 1970
  JobEventLevel level = JobEventLevel::kInfo;
  std::string message;
  std::string metrics = {};  // JSON object; empty: a message alone
  /// Of events with the same mark a job keeps the first; empty: no mark.
  std::string once = {};
};

/// Nothing is left as it is.
struct JobChange {
  JobStatus from = JobStatus::kQueued;
  JobStatus to = JobStatus::kQueued;
  std::optional<int64_t> lines = {};
  std::optional<int64_t> trained_tokens = {};
  std::optional<JobError> error = {};
  JobEvent event;
};

class JobRecords {
 public:
  /// Creates what is missing. Errors: those of Database; kIo.
  explicit JobRecords(const std::filesystem::path& home);

  void Add(const JobRecord& job, const JobEvent& event);
  /// Errors: kNotFound.
  JobRecord Get(std::string_view id);
  /// Newest first, those older than `after` (empty: all). Errors: kNotFound, `where` "after".
  std::vector<JobRecord> List(std::string_view after, int64_t limit);
  /// Those that are not final, and those that failed or were cancelled while their adapter is still
  /// there; oldest first.
  std::vector<JobRecord> Open();

  /// In one transaction, `finished` set with a final state. False, and nothing done, when the job
  /// is in another state than `change.from`.
  bool Change(std::string_view id, const JobChange& change);

  /// In one transaction.
  void AddEvents(std::string_view id, std::span<const JobEvent> events);
  /// Newest first, as List.
  std::vector<JobEvent> Events(std::string_view id, std::string_view after, int64_t limit);

 private:
  int64_t Row(std::string_view id);

  Database database_;
};

}  // namespace hyprstream::adapters
