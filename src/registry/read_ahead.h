// Reads a file from its beginning by a thread of its own, some blocks ahead of the one that uses
// them, so that neither the disk nor the copying out of the page cache costs that one time. A small
// file is read by the user's own thread. One user.
#pragma once

#include <array>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/posix_file.h"

namespace hyprstream::registry {

class ReadAhead {
 public:
  /// Errors: kNotFound, kPermissionDenied, kIo.
  explicit ReadAhead(const std::filesystem::path& path);
  ~ReadAhead();
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  /// The next bytes, as good as until the next call; none at the end of the file. Errors: kIo.
  std::span<const std::byte> Next();

 private:
  struct Block {
    std::vector<std::byte> bytes;
    size_t filled = 0;
  };
  void Run();
  size_t Fill(Block& block);

  const std::filesystem::path path_;
  const internal::Descriptor file_;
  std::array<Block, 4> blocks_;
  uint64_t used_ = 0;  // the user's: blocks that it was given

  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t read_ = 0;          // mutex_: blocks that are full, or the last
  uint64_t freed_ = 0;         // mutex_: blocks that the user has done with
  bool stop_ = false;          // mutex_
  std::exception_ptr failed_;  // mutex_
  std::thread thread_;
};

}  // namespace hyprstream::registry
