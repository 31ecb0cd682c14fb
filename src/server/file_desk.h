// The files that clients have sent, as the doors use them: one connection behind one lock.
// Thread-safe; calls may wait for the disk.
#pragma once

#include <filesystem>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/file_records.h"

namespace hyprstream::server {

class FileDesk {
 public:
  /// Errors: those of FileRecords, as for all of these.
  explicit FileDesk(const std::filesystem::path& home) : records_(home) {}

  adapters::FileRecord Add(adapters::FileRecord record, std::string_view content) {
    const std::lock_guard lock(mutex_);
    return records_.Add(std::move(record), content);
  }
  adapters::FileRecord Get(std::string_view id) {
    const std::lock_guard lock(mutex_);
    return records_.Get(id);
  }
  std::vector<adapters::FileRecord> List(const adapters::FileQuery& query) {
    const std::lock_guard lock(mutex_);
    return records_.List(query);
  }
  std::string Read(std::string_view id) {
    const std::lock_guard lock(mutex_);
    return records_.Read(id);
  }
  void Delete(std::string_view id) {
    const std::lock_guard lock(mutex_);
    records_.Delete(id);
  }

 private:
  std::mutex mutex_;
  adapters::FileRecords records_;  // guarded by mutex_
};

}  // namespace hyprstream::server
