// Hashes a file from its beginning while others write it, as far as it is there without a gap, by a
// thread of its own, so that the hash is known soon after the last byte. The bytes are read back
// from the page cache, where they have just been written.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <mutex>
#include <thread>

#include "registry/blob_hash.h"

namespace hyprstream::registry {

class HashFollower {
 public:
  /// `descriptor` must stay open. Nothing is read before the first Advance.
  HashFollower(int descriptor, std::filesystem::path shown, uint64_t size, BlobHash::Git git);
  ~HashFollower();
  HashFollower(const HashFollower&) = delete;
  HashFollower& operator=(const HashFollower&) = delete;

  /// So many bytes from the beginning may be read. Any thread; what is less than before is ignored.
  void Advance(uint64_t available);
  /// Waits for the rest; all bytes must have been announced. Errors: kIo.
  BlobNames Finish();

 private:
  void Run();
  void HashUpTo(uint64_t end);

  const int descriptor_;
  const std::filesystem::path shown_;
  const uint64_t size_;
  BlobHash hash_;  // the thread's, then Finish's
  uint64_t hashed_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t available_ = 0;     // mutex_
  bool stop_ = false;          // mutex_
  std::exception_ptr failed_;  // mutex_
  std::thread thread_;         // begun by the first Advance of a large file
};

}  // namespace hyprstream::registry
