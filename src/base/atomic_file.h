// Writes a file that appears under its final name complete or not at all: a temporary name in the
// same directory, fsync, rename, fsync of the directory. What a killed writer leaves is removed by
// the next one to the same name. One thread per object.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "base/unfinished.h"

namespace hyprstream {

class AtomicFile {
 public:
  /// Creates the temporary file. Errors: kIo or kPermissionDenied, naming the path.
  explicit AtomicFile(std::filesystem::path target);
  /// Without Commit the temporary file is removed and the target is untouched.
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Errors: kResourceExhausted when the disk is full, else kIo.
  void Write(std::span<const std::byte> bytes);
  void Write(std::string_view text) { Write(std::as_bytes(std::span(text))); }
  void Commit();

 private:
  std::filesystem::path target_;
  internal::Unfinished file_;
};

}  // namespace hyprstream
