// Whether a stored model's files are what was fetched: each is there, has its size and its hash,
// and nothing else lies among them. Files are hashed side by side; what is wrong is told with what
// to do about it. Nothing is changed. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "registry/store.h"

namespace hyprstream::registry {

enum class FileFault {
  kMissing,
  kTruncated,      // shorter, and what is left need not be right
  kChanged,        // other bytes
  kOtherRevision,  // the bytes of the same file in another revision of this model
  kForeign,        // of another model, or a file that the model does not have
  kUnreadable,
};
/// "missing", "truncated", "changed", "other revision", "foreign", "unreadable".
std::string_view FileFaultName(FileFault fault);

struct FaultyFile {
  std::string path;  // inside the model
  FileFault fault = FileFault::kMissing;
  std::string expected;
  std::string found;
  std::string advice;
};

struct FilesVerdict {
  std::uint64_t files = 0;
  std::uint64_t bytes = 0;  // hashed
  std::vector<FaultyFile> faults;
};

/// With 0 threads: all processors. Errors: kIo for the store itself; what is wrong with a file is
/// in the verdict.
FilesVerdict VerifyFiles(const Store& store, const ModelRecord& model, int threads,
                         const ProgressListener& progress = {});

}  // namespace hyprstream::registry
