// Cutting a model into files of bounded size, and the names of such files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "base/memory_budget.h"
#include "formats/streamed_tensor.h"

namespace hyprstream::convert {

/// Tensors in their order, filled into shards of at most `limit` bytes of tensors; one that is
/// larger has a shard of its own. A limit of 0: one shard.
std::vector<std::vector<formats::StreamedTensor>> CutIntoShards(
    std::vector<formats::StreamedTensor> tensors, Bytes limit);

/// "model-00001-of-00003.gguf" for {"model", ".gguf"}, number 0 of 3.
std::string ShardName(const std::string& stem, const std::string& extension, size_t number,
                      size_t count);

/// A text for model.safetensors.index.json.
std::string ShardIndex(std::span<const std::vector<formats::StreamedTensor>> shards,
                       const std::string& stem);

}  // namespace hyprstream::convert
