// Keeps a model's packed weights on disk between runs. The first load packs as it would without a
// cache and a thread of its own writes the file afterwards; later loads copy it into memory of
// their own, which they read whole anyway to see that it is undamaged: streaming weights out of the
// page cache, a page of 4 KB after the other, is slower (docs/performance.md).
//
// What a file was made from is told by its key: the fingerprint of the model (configuration, and
// name, type, shape and sampled bytes of every tensor), the layout of the strips, and for each file
// of weights device, inode, size, and the times of the last change of content and of inode in
// nanoseconds. Reading a gigabyte to hash it would cost as much as packing it; this is what build
// systems and version control trust, and the inode's time cannot be set back by a program. A model
// has one cache file for each instruction set, named after its path: when the model changes or the
// layout does, the file is replaced.
//
// Nothing here fails a load: a file that is damaged or was made from something else is made again,
// a disk that is full or read-only is warned about once.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file_cache.h"
#include "base/memory_budget.h"
#include "base/thread_pool.h"
#include "formats/model_files.h"
#include "model/repacked_file.h"

namespace hyprstream::model {

struct RepackOptions {
  std::filesystem::path folder = {};  // empty: no cache
  Bytes limit{uint64_t{20} << 30};    // of all files in the folder
  Bytes least{uint64_t{64} << 20};    // packed weights smaller than this are not kept
};

class RepackCache {
 public:
  /// `layout`: ops::LinearWeight::PackedLayout. Errors: none; without a folder, or when the files
  /// cannot be examined, there is never anything to find.
  RepackCache(const formats::ModelFiles& files, const std::string& fingerprint, std::string layout,
              RepackOptions options);

  /// What an earlier Store kept, loaded; null when there is nothing usable.
  std::shared_ptr<const RepackedFile> Open(ThreadPool& pool) const;

  /// Writes the strips in the background. They must outlive the returned object, whose destructor
  /// waits for the writing to end. Null when there is nothing worth keeping.
  std::shared_ptr<const void> Store(std::vector<RepackedTensor> tensors) const;

 private:
  std::optional<RepackedKey> Key() const;

  std::vector<std::filesystem::path> weight_files_;
  std::string fingerprint_;
  std::string layout_;
  RepackOptions options_;
  FileCache cache_;
  std::string name_;
  std::optional<RepackedKey> key_;  // of the files as they were before anything was read
};

}  // namespace hyprstream::model
