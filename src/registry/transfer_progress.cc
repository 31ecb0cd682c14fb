#include "registry/transfer_progress.h"

#include <algorithm>
#include <chrono>

namespace hyprstream::registry {
namespace {

constexpr int64_t kTellEveryNs = 50'000'000;

int64_t NowNs() { return std::chrono::steady_clock::now().time_since_epoch().count(); }

}  // namespace

size_t TransferProgress::Add(std::string name, uint64_t size) {
  const std::lock_guard lock(mutex_);
  files_.push_back({.name = std::move(name), .size = size});
  size_ += size;
  return files_.size() - 1;
}

void TransferProgress::Reached(size_t file, uint64_t done) {
  const std::lock_guard lock(mutex_);
  File& entry = files_[file];
  done = std::min(done, entry.size);
  if (done <= entry.done) return;
  done_ += done - entry.done;
  entry.done = done;
  if (NowNs() >= next_tell_ns_) Tell(file);
}

void TransferProgress::Finished(size_t file) {
  const std::lock_guard lock(mutex_);
  File& entry = files_[file];
  if (entry.finished) return;
  entry.finished = true;
  ++finished_;
  done_ += entry.size - entry.done;
  entry.done = entry.size;
  Tell(file);
}

void TransferProgress::Tell(size_t file) {
  if (!listener_) return;
  const File& entry = files_[file];
  listener_({.file = file,
             .name = entry.name,
             .file_done = entry.done,
             .file_size = entry.size,
             .done = done_,
             .size = size_,
             .files_done = finished_,
             .files = files_.size()});
  next_tell_ns_ = NowNs() + kTellEveryNs;
}

}  // namespace hyprstream::registry
