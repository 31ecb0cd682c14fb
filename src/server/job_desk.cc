#include "server/job_desk.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace hyprstream::server {

using adapters::JobRecord;
using adapters::JobStatus;

namespace {

Error WrongState(JobStatus found, std::span<const JobStatus> expected) {
  std::string names;
  for (const JobStatus status : expected) {
    names += (names.empty() ? "" : ", ") + std::string(JobStatusName(status));
  }
  return Error(ErrorCode::kInvalidArgument, {.message = "the job is in the wrong state for this",
                                             .expected = names,
                                             .found = std::string(JobStatusName(found))});
}

}  // namespace

JobRecord JobDesk::Add(const JobRecord& job) {
  {
    const std::lock_guard lock(mutex_);
    records_.Add(job, {.message = "Created fine-tuning job: " + job.id});
  }
  Ring();
  return job;
}

JobRecord JobDesk::Get(std::string_view id) {
  const std::lock_guard lock(mutex_);
  return records_.Get(id);
}

std::vector<JobRecord> JobDesk::List(std::string_view after, int64_t limit) {
  const std::lock_guard lock(mutex_);
  return records_.List(after, limit);
}

std::vector<JobRecord> JobDesk::Open() {
  const std::lock_guard lock(mutex_);
  return records_.Open();
}

bool JobDesk::Change(std::string_view id, const adapters::JobChange& change) {
  const std::lock_guard lock(mutex_);
  return records_.Change(id, change);
}

void JobDesk::AddEvents(std::string_view id, std::span<const adapters::JobEvent> events) {
  const std::lock_guard lock(mutex_);
  records_.AddEvents(id, events);
}

std::vector<adapters::JobEvent> JobDesk::Events(std::string_view id, std::string_view after,
                                                int64_t limit) {
  const std::lock_guard lock(mutex_);
  return records_.Events(id, after, limit);
}

JobRecord JobDesk::Bring(std::string_view id, std::span<const JobStatus> from, JobStatus to,
                         const std::string& message) {
  JobRecord job;
  {
    const std::lock_guard lock(mutex_);
    job = records_.Get(id);
    if (std::ranges::find(from, job.status) == from.end()) throw WrongState(job.status, from);
    // Another process may have been quicker.
    if (!records_.Change(id, {.from = job.status, .to = to, .event = {.message = message}})) {
      throw WrongState(records_.Get(id).status, from);
    }
    job = records_.Get(id);
  }
  Ring();
  return job;
}

JobRecord JobDesk::Cancel(std::string_view id) {
  constexpr std::array kFrom = {JobStatus::kValidatingFiles, JobStatus::kQueued,
                                JobStatus::kRunning, JobStatus::kPaused};
  return Bring(id, kFrom, JobStatus::kCancelled, "The job was cancelled");
}

JobRecord JobDesk::Pause(std::string_view id) {
  constexpr std::array kFrom = {JobStatus::kQueued, JobStatus::kRunning};
  return Bring(id, kFrom, JobStatus::kPaused, "The job was paused");
}

JobRecord JobDesk::Resume(std::string_view id) {
  constexpr std::array kFrom = {JobStatus::kPaused};
  return Bring(id, kFrom, JobStatus::kQueued, "The job was resumed");
}

void JobDesk::Wait(std::chrono::milliseconds patience) {
  std::unique_lock lock(bell_mutex_);
  bell_.wait_for(lock, patience, [this] { return rung_; });
  rung_ = false;
}

void JobDesk::Ring() {
  {
    const std::lock_guard lock(bell_mutex_);
    rung_ = true;
  }
  bell_.notify_all();
}

}  // namespace hyprstream::server
