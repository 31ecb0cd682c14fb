#include "convert/shards.h"

#include <boost/json.hpp>
#include <cstdio>

#include "base/error.h"

namespace hyprstream::convert {

using formats::StreamedTensor;

std::vector<std::vector<StreamedTensor>> CutIntoShards(std::vector<StreamedTensor> tensors,
                                                       Bytes limit) {
  std::vector<std::vector<StreamedTensor>> shards(1);
  uint64_t filled = 0;
  for (StreamedTensor& tensor : tensors) {
    const uint64_t bytes = tensor.bytes();
    if (limit.value > 0 && !shards.back().empty() && filled + bytes > limit.value) {
      shards.emplace_back();
      filled = 0;
    }
    filled += bytes;
    shards.back().push_back(std::move(tensor));
  }
  constexpr size_t kMostShards = 99999;  // five digits
  if (shards.size() > kMostShards) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "the shards are too small for this model",
                 .expected = "at most " + std::to_string(kMostShards) + " of them",
                 .found = std::to_string(shards.size())});
  }
  return shards;
}

std::string ShardName(const std::string& stem, const std::string& extension, size_t number,
                      size_t count) {
  if (count == 1) return stem + extension;
  char place[32];
  std::snprintf(place, sizeof(place), "-%05zu-of-%05zu", number + 1, count);
  return stem + place + extension;
}

std::string ShardIndex(std::span<const std::vector<StreamedTensor>> shards,
                       const std::string& stem) {
  boost::json::object map;
  uint64_t total = 0;
  for (size_t i = 0; i < shards.size(); ++i) {
    for (const StreamedTensor& tensor : shards[i]) {
      map[tensor.name] = ShardName(stem, ".safetensors", i, shards.size());
      total += tensor.bytes();
    }
  }
  return boost::json::serialize(boost::json::object{{"metadata", {{"total_size", total}}},
                                                    {"weight_map", std::move(map)}}) +
         "\n";
}

}  // namespace hyprstream::convert
