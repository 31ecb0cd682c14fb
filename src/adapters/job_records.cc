#include "adapters/job_records.h"

#include <array>
#include <chrono>

#include "adapters/catalog.h"
#include "base/error.h"
#include "base/uuid.h"

namespace hyprstream::adapters {
namespace {

constexpr std::array kStatuses = {
    JobStatus::kValidatingFiles, JobStatus::kQueued,    JobStatus::kRunning, JobStatus::kPaused,
    JobStatus::kSucceeded,       JobStatus::kCancelled, JobStatus::kFailed};
constexpr std::array kLevels = {JobEventLevel::kInfo, JobEventLevel::kWarn, JobEventLevel::kError};

constexpr std::string_view kColumns =
    "id, model, source, adapter, base_fingerprint, training_file, validation_file, suffix, "
    "metadata, epochs, batch, rate, seed, status, created, finished, lines, trained_tokens, "
    "error_code, error_message, error_param";

JobStatus ParseStatus(std::string_view name) {
  for (const JobStatus status : kStatuses) {
    if (name == JobStatusName(status)) return status;
  }
  return JobStatus::kFailed;
}

JobEventLevel ParseLevel(std::string_view name) {
  for (const JobEventLevel level : kLevels) {
    if (name == JobEventLevelName(level)) return level;
  }
  return JobEventLevel::kInfo;
}

std::optional<int64_t> OptionalInt(const Statement& row, int column) {
  if (row.IsNull(column)) return std::nullopt;
  return row.Int(column);
}

JobRecord ReadRow(const Statement& row) {
  JobRecord job{.id = row.Text(0),
                .model = row.Text(1),
                .source = row.Text(2),
                .adapter = row.Text(3),
                .base_fingerprint = row.Text(4),
                .training_file = row.Text(5),
                .validation_file = row.Text(6),
                .suffix = row.Text(7),
                .metadata = row.Text(8),
                .epochs = OptionalInt(row, 9),
                .batch = OptionalInt(row, 10),
                .rate = row.OptionalReal(11),
                .seed = row.Int(12),
                .status = ParseStatus(row.Text(13)),
                .created = row.Int(14),
                .finished = OptionalInt(row, 15),
                .lines = row.Int(16),
                .trained_tokens = OptionalInt(row, 17)};
  if (!row.IsNull(18)) job.error = JobError{row.Text(18), row.Text(19), row.Text(20)};
  return job;
}

int64_t Now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

void Insert(Database& database, int64_t job, const JobEvent& event) {
  Statement insert(database,
                   "INSERT OR IGNORE INTO fine_tuning_events (job, id, created, level, type, "
                   "message, data, once) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  insert.Bind(1, job)
      .Bind(2, std::string_view("ftevent-" + RandomUuid()))
      .Bind(3, Now())
      .Bind(4, JobEventLevelName(event.level))
      .Bind(5, std::string_view(event.metrics.empty() ? "message" : "metrics"))
      .Bind(6, std::string_view(event.message))
      .Bind(7, std::string_view(event.metrics));
  if (event.once.empty()) {
    insert.BindNull(8);
  } else {
    insert.Bind(8, std::string_view(event.once));
  }
  insert.Run();
}

Error NoneSuch(const char* what, std::string_view id, const char* where) {
  return Error(ErrorCode::kNotFound, {.message = std::string("there is no such ") + what,
                                      .found = std::string(id),
                                      .where = where});
}

}  // namespace

std::string_view JobStatusName(JobStatus status) {
  switch (status) {
    case JobStatus::kValidatingFiles:
      return "validating_files";
    case JobStatus::kQueued:
      return "queued";
    case JobStatus::kRunning:
      return "running";
    case JobStatus::kPaused:
      return "paused";
    case JobStatus::kSucceeded:
      return "succeeded";
    case JobStatus::kFailed:
      return "failed";
    case JobStatus::kCancelled:
      return "cancelled";
  }
  return "";
}

bool IsFinal(JobStatus status) {
  return status == JobStatus::kSucceeded || status == JobStatus::kFailed ||
         status == JobStatus::kCancelled;
}

std::string_view JobEventLevelName(JobEventLevel level) {
  switch (level) {
    case JobEventLevel::kInfo:
      return "info";
    case JobEventLevel::kWarn:
      return "warn";
    case JobEventLevel::kError:
      return "error";
  }
  return "";
}

JobRecords::JobRecords(const std::filesystem::path& home) : database_(CatalogPath(home)) {
  MakeCatalogTables(database_);
}

int64_t JobRecords::Row(std::string_view id) {
  Statement row(database_, "SELECT row FROM fine_tuning_jobs WHERE id = ?");
  if (row.Bind(1, id).Step()) return row.Int(0);
  throw NoneSuch("fine-tuning job", id, "");
}

void JobRecords::Add(const JobRecord& job, const JobEvent& event) {
  Transaction transaction(database_);
  Statement(database_,
            "INSERT INTO fine_tuning_jobs (id, model, source, adapter, base_fingerprint, "
            "training_file, validation_file, suffix, metadata, epochs, batch, rate, seed, status, "
            "created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
      .Bind(1, job.id)
      .Bind(2, job.model)
      .Bind(3, job.source)
      .Bind(4, job.adapter)
      .Bind(5, job.base_fingerprint)
      .Bind(6, job.training_file)
      .Bind(7, job.validation_file)
      .Bind(8, job.suffix)
      .Bind(9, job.metadata)
      .Bind(10, job.epochs)
      .Bind(11, job.batch)
      .Bind(12, job.rate)
      .Bind(13, job.seed)
      .Bind(14, JobStatusName(job.status))
      .Bind(15, job.created)
      .Run();
  Insert(database_, database_.last_insert_id(), event);
  transaction.Commit();
}

JobRecord JobRecords::Get(std::string_view id) {
  Statement row(database_,
                "SELECT " + std::string(kColumns) + " FROM fine_tuning_jobs WHERE id = ?");
  if (row.Bind(1, id).Step()) return ReadRow(row);
  throw NoneSuch("fine-tuning job", id, "");
}

std::vector<JobRecord> JobRecords::List(std::string_view after, int64_t limit) {
  int64_t before = INT64_MAX;
  if (!after.empty()) {
    Statement row(database_, "SELECT row FROM fine_tuning_jobs WHERE id = ?");
    if (!row.Bind(1, after).Step()) throw NoneSuch("fine-tuning job", after, "after");
    before = row.Int(0);
  }
  Statement row(database_, "SELECT " + std::string(kColumns) +
                               " FROM fine_tuning_jobs WHERE row < ? ORDER BY row DESC LIMIT ?");
  row.Bind(1, before).Bind(2, limit);
  std::vector<JobRecord> jobs;
  while (row.Step()) jobs.push_back(ReadRow(row));
  return jobs;
}

std::vector<JobRecord> JobRecords::Open() {
  Statement row(database_,
                "SELECT " + std::string(kColumns) +
                    " FROM fine_tuning_jobs WHERE status IN ('validating_files', 'queued', "
                    "'running', 'paused') OR (status IN ('failed', 'cancelled') AND adapter IN "
                    "(SELECT name FROM adapters)) ORDER BY row");
  std::vector<JobRecord> jobs;
  while (row.Step()) jobs.push_back(ReadRow(row));
  return jobs;
}

bool JobRecords::Change(std::string_view id, const JobChange& change) {
  Transaction transaction(database_);
  const int64_t row = Row(id);
  Statement update(database_,
                   "UPDATE fine_tuning_jobs SET status = ?3, lines = coalesce(?4, lines), "
                   "trained_tokens = coalesce(?5, trained_tokens), finished = ?6, "
                   "error_code = ?7, error_message = ?8, error_param = ?9 "
                   "WHERE row = ?1 AND status = ?2");
  update.Bind(1, row)
      .Bind(2, JobStatusName(change.from))
      .Bind(3, JobStatusName(change.to))
      .Bind(4, change.lines)
      .Bind(5, change.trained_tokens)
      .Bind(6, IsFinal(change.to) ? std::optional(Now()) : std::nullopt);
  if (change.error) {
    update.Bind(7, change.error->code);
  } else {
    update.BindNull(7);
  }
  update.Bind(8, std::string_view(change.error ? change.error->message : ""))
      .Bind(9, std::string_view(change.error ? change.error->param : ""))
      .Run();
  if (database_.changes() == 0) return false;
  Insert(database_, row, change.event);
  transaction.Commit();
  return true;
}

void JobRecords::AddEvents(std::string_view id, std::span<const JobEvent> events) {
  Transaction transaction(database_);
  const int64_t row = Row(id);
  for (const JobEvent& event : events) Insert(database_, row, event);
  transaction.Commit();
}

std::vector<JobEvent> JobRecords::Events(std::string_view id, std::string_view after,
                                         int64_t limit) {
  const int64_t job = Row(id);
  int64_t before = INT64_MAX;
  if (!after.empty()) {
    Statement row(database_, "SELECT row FROM fine_tuning_events WHERE job = ? AND id = ?");
    if (!row.Bind(1, job).Bind(2, after).Step()) throw NoneSuch("event", after, "after");
    before = row.Int(0);
  }
  Statement row(database_,
                "SELECT id, created, level, message, data FROM fine_tuning_events "
                "WHERE job = ? AND row < ? ORDER BY row DESC LIMIT ?");
  row.Bind(1, job).Bind(2, before).Bind(3, limit);
  std::vector<JobEvent> events;
  while (row.Step()) {
    events.push_back({.id = row.Text(0),
                      .created = row.Int(1),
                      .level = ParseLevel(row.Text(2)),
                      .message = row.Text(3),
                      .metrics = row.Text(4)});
  }
  return events;
}

}  // namespace hyprstream::adapters
