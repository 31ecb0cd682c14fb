// A model in one format written in another, or in the same with other types or other shards, with
// its metadata and its tokenizer. Rows are read, rounded and written as they come: what is in
// memory does not grow with the model. The output appears under its name complete or not at all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>

#include "base/memory_budget.h"
#include "base/new_folder.h"
#include "base/progress.h"
#include "base/thread_pool.h"
#include "formats/model_files.h"
#include "tensor/dtype.h"

namespace hyprstream::convert {

struct ConvertOptions {
  std::optional<DType> target = {};  // nothing: types stay, as far as the format has them
  Bytes shard_limit = {};            // 0: one file
  NewFolder::Existing existing = NewFolder::Existing::kRefuse;
  ProgressListener progress = {};
};

struct Converted {
  size_t files = 0;  // that hold tensors
  Bytes bytes = {};
  std::map<DType, int64_t> tensors;  // how many of each type
};

/// One GGUF file at `file`, or shards beside that name ("x-00001-of-00003.gguf" for "x.gguf"). What
/// replaces an earlier output replaces all its files, however many they were (convert/gguf_set.h).
/// Errors: kAlreadyExists; kInvalidArgument when the output is the source; kResourceExhausted when
/// the disk has no room; kDataLoss and kUnsupported naming a tensor and a place in it, as
/// convert/rows.h says; kUnsupported for what GGUF cannot say of the model.
Converted ConvertToGguf(const formats::ModelFiles& source, const std::filesystem::path& file,
                        ThreadPool& pool, const ConvertOptions& options);

/// A folder with config.json, model.safetensors or shards with their index, and the tokenizer.
/// Errors: as above; kUnsupported also for a block type as target.
Converted ConvertToSafetensors(const formats::ModelFiles& source,
                               const std::filesystem::path& folder, ThreadPool& pool,
                               const ConvertOptions& options);

}  // namespace hyprstream::convert
