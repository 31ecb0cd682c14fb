// Fine-tuning jobs as the doors use them: one connection behind one lock, the states that somebody
// may bring a job into, and a bell for the thread that runs them. Thread-safe; calls may wait for
// the disk.
#pragma once

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/job_records.h"

namespace hyprstream::server {

class JobDesk {
 public:
  /// Errors: those of JobRecords, as for all of these.
  explicit JobDesk(const std::filesystem::path& home) : records_(home) {}

  adapters::JobRecord Add(const adapters::JobRecord& job);
  adapters::JobRecord Get(std::string_view id);
  std::vector<adapters::JobRecord> List(std::string_view after, int64_t limit);
  std::vector<adapters::JobRecord> Open();
  bool Change(std::string_view id, const adapters::JobChange& change);
  void AddEvents(std::string_view id, std::span<const adapters::JobEvent> events);
  std::vector<adapters::JobEvent> Events(std::string_view id, std::string_view after,
                                         int64_t limit);

  // What somebody asks for; what is computing ends soon after. Errors: kInvalidArgument saying what
  // state the job is in.
  adapters::JobRecord Cancel(std::string_view id);
  adapters::JobRecord Pause(std::string_view id);
  adapters::JobRecord Resume(std::string_view id);

  /// Until somebody rings, or for so long.
  void Wait(std::chrono::milliseconds patience);
  void Ring();

 private:
  adapters::JobRecord Bring(std::string_view id, std::span<const adapters::JobStatus> from,
                            adapters::JobStatus to, const std::string& message);

  std::mutex mutex_;
  adapters::JobRecords records_;  // guarded by mutex_

  std::mutex bell_mutex_;
  std::condition_variable bell_;
  bool rung_ = false;  // guarded by bell_mutex_
};

}  // namespace hyprstream::server
