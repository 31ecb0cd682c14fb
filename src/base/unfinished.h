// What is being written beside the place where it is to appear, under a hidden name, locked by its
// writer (flock): the kernel drops the lock with the process, so that what a killed writer left can
// be told from what a running one is at, and is removed by the next writer to the same place.
// Where a file system has no such locks nothing is ever removed. Any thread.
#pragma once

#include <filesystem>

#include "base/posix_file.h"

namespace hyprstream::internal {

/// A file or folder of a name that nobody else has, and its lock.
struct Unfinished {
  std::filesystem::path path;
  Descriptor descriptor;  // holds the lock; of a file, also to be written to
};

/// Both first remove what killed writers to `target` left. Errors: those of FailFile.
Unfinished BeginFile(const std::filesystem::path& target);
Unfinished BeginFolder(const std::filesystem::path& target);

/// Removes what killed writers to `target` left beside it. What cannot be removed stays.
void RemoveUnfinished(const std::filesystem::path& target);

}  // namespace hyprstream::internal
