// The catalogue of adapters as the doors use it: one connection behind one lock. Thread-safe; calls
// may wait for the disk.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/store.h"

namespace hyprstream::server {

class AdapterDesk {
 public:
  /// Errors: those of AdapterStore, as for all of these.
  explicit AdapterDesk(const std::filesystem::path& home) : store_(home) {}

  adapters::AdapterRecord Create(const adapters::NewAdapter& adapter) {
    const std::lock_guard lock(mutex_);
    return store_.Create(adapter);
  }
  std::vector<adapters::AdapterRecord> List() {
    const std::lock_guard lock(mutex_);
    return store_.List();
  }
  adapters::AdapterRecord Get(std::string_view name) {
    const std::lock_guard lock(mutex_);
    return store_.Get(name);
  }
  void Delete(std::string_view name) {
    const std::lock_guard lock(mutex_);
    store_.Delete(name);
  }
  std::vector<adapters::VersionRecord> Versions(std::string_view name) {
    const std::lock_guard lock(mutex_);
    return store_.Versions(name);
  }
  std::optional<adapters::VersionRecord> Find(std::string_view name, std::string_view version) {
    const std::lock_guard lock(mutex_);
    return store_.Find(name, version);
  }

 private:
  std::mutex mutex_;
  adapters::AdapterStore store_;  // guarded by mutex_
};

}  // namespace hyprstream::server
