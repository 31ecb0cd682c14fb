// model.safetensors.index.json: which file of a sharded model holds which tensor. File names in it
// come from strangers: only plain relative names inside the model's folder are accepted, also after
// symbolic links are resolved.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace hyprstream::formats {

/// Tensor name to file name. Errors: kDataLoss for anything but the format, a repeated tensor, or a
/// file name that is not safe.
std::map<std::string, std::string> ReadShardedIndex(std::string_view json);

/// The shard's path. Errors: kNotFound when it is missing; kDataLoss when it is a link that leaves
/// the folder (links into the blobs of the same Hugging Face cache entry are the exception).
std::filesystem::path ShardPath(const std::filesystem::path& folder, const std::string& name);

}  // namespace hyprstream::formats
