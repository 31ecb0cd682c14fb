// How far the files of a pull have come, each and together, told to one listener: never backwards,
// some tens of times a second, and once at every file's end. Any thread.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

namespace hyprstream::registry {

struct TransferUpdate {
  size_t file = 0;  // its place in the list
  std::string_view name;
  uint64_t file_done = 0;
  uint64_t file_size = 0;
  uint64_t done = 0;  // of all files
  uint64_t size = 0;
  size_t files_done = 0;
  size_t files = 0;
};

/// Called by one thread at a time.
using TransferListener = std::function<void(const TransferUpdate&)>;

class TransferProgress {
 public:
  explicit TransferProgress(TransferListener listener) : listener_(std::move(listener)) {}

  /// All before the first Reached. Returns the file's place.
  size_t Add(std::string name, uint64_t size);
  /// So many bytes of it are there. Less than before is kept back until it is more.
  void Reached(size_t file, uint64_t done);
  void Finished(size_t file);

 private:
  struct File {
    std::string name;
    uint64_t size = 0;
    uint64_t done = 0;
    bool finished = false;
  };
  void Tell(size_t file);  // with mutex_

  const TransferListener listener_;
  std::mutex mutex_;
  std::vector<File> files_;
  uint64_t done_ = 0;
  uint64_t size_ = 0;
  size_t finished_ = 0;
  int64_t next_tell_ns_ = 0;
};

}  // namespace hyprstream::registry
