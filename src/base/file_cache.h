// A folder of files that can be made again at a price: each appears under its name whole or not at
// all, whatever kills its writer; a name has one writer at a time among all processes; the files
// together stay below a limit, those not used for longest going first.
//
// A writer works in ".NAME.writing" and holds a file lock on it, which the kernel drops with the
// process: a leftover without a lock is debris, and the next writer of any name sweeps it away.
// Files are only ever renamed over or unlinked, so a mapping of one stays good for ever. The time
// of last use is the modification time. Any thread, any number of processes.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/mapped_file.h"
#include "base/memory_budget.h"

namespace hyprstream {

class FileCache {
 public:
  class Writer;

  /// Nothing is touched yet. `limit`: of all files together.
  FileCache(std::filesystem::path folder, Bytes limit)
      : folder_(std::move(folder)), limit_(limit) {}

  const std::filesystem::path& folder() const { return folder_; }

  /// The file, now the last used; null when there is none. Errors: kPermissionDenied, kIo.
  std::shared_ptr<const MappedFile> Find(std::string_view name) const;

  /// Starts a file of `size` bytes: makes the folder (for this user alone) and the room. Null when
  /// another writer has the name. Errors: kResourceExhausted when it exceeds the limit or half the
  /// free space; kPermissionDenied, kIo.
  std::unique_ptr<Writer> Begin(std::string_view name, Bytes size) const;

 private:
  void MakeRoom(std::string_view name, Bytes size) const;
  void SweepDebris() const;

  std::filesystem::path folder_;
  Bytes limit_;
};

/// One thread. Without Commit nothing remains.
class FileCache::Writer {
 public:
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// Errors: kResourceExhausted when the disk is full, else kIo.
  void Write(std::span<const std::byte> bytes);
  /// Syncs and gives the file its name, replacing one that has it.
  void Commit();

 private:
  friend class FileCache;
  Writer(std::filesystem::path target, std::filesystem::path temporary, int descriptor)
      : target_(std::move(target)), temporary_(std::move(temporary)), descriptor_(descriptor) {}

  std::filesystem::path target_;
  std::filesystem::path temporary_;
  int descriptor_;  // locked; -1 once committed
};

}  // namespace hyprstream
