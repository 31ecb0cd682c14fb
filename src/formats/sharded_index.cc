#include "formats/sharded_index.h"

#include <algorithm>

#include "base/error.h"
#include "formats/json_events.h"
#include "formats/small_files.h"

namespace hyprstream::formats {
namespace {

constexpr std::string_view kWhat = "the index of shards";

void CheckShardName(std::string_view tensor, const std::string& name) {
  const std::filesystem::path path(name);
  const bool plain = IsCleanName(name) && name.find('\\') == std::string::npos &&
                     name.find(':') == std::string::npos && path.is_relative() &&
                     std::none_of(path.begin(), path.end(),
                                  [](const auto& part) { return part == ".." || part == "."; });
  if (plain && name.ends_with(".safetensors")) return;
  throw Error(ErrorCode::kDataLoss,
              {.message = "the index of shards names a file that is not allowed",
               .expected = "a relative name inside the folder that ends in .safetensors",
               .found = Quote(name),
               .where = "weight_map, tensor " + Quote(tensor)});
}

/// Keeps the strings of the object "weight_map" at the top and passes over everything else.
class IndexListener : public JsonListener {
 public:
  void BeginObject() override {
    if (depth_ == 0) top_is_object_ = true;
    if (depth_ == 1 && key_ == "weight_map") {
      in_map_ = true;
      seen_map_ = true;
    } else if (in_map_) {
      Wrong("an object");
    }
    ++depth_;
  }
  void EndObject() override {
    --depth_;
    if (depth_ == 1) in_map_ = false;
  }
  void BeginArray() override {
    Value("an array");
    ++depth_;
  }
  void EndArray() override { --depth_; }
  void Key(std::string key) override { key_ = std::move(key); }
  void String(std::string value) override {
    if (!in_map_) return Value("a string");
    CheckShardName(key_, value);
    map_.emplace(std::move(key_), std::move(value));
  }
  void Unsigned(uint64_t value) override { Value(std::to_string(value)); }
  void Negative(int64_t value) override { Value(std::to_string(value)); }
  void Double(double value) override { Value(std::to_string(value)); }
  void Bool(bool) override { Value("a truth value"); }
  void Null() override { Value("null"); }

  std::map<std::string, std::string> Take() {
    if (!top_is_object_ || !seen_map_ || map_.empty()) {
      throw Error(ErrorCode::kDataLoss, {.message = std::string(kWhat) + " names no shards",
                                         .expected = "an object with a filled weight_map"});
    }
    return std::move(map_);
  }

 private:
  void Value(std::string found) {
    if (in_map_ || (depth_ == 1 && key_ == "weight_map")) Wrong(std::move(found));
  }
  [[noreturn]] void Wrong(std::string found) {
    throw Error(ErrorCode::kDataLoss, {.message = std::string(kWhat) + " has a wrong weight_map",
                                       .expected = "an object of file names",
                                       .found = std::move(found),
                                       .where = Quote(key_)});
  }

  int depth_ = 0;
  bool top_is_object_ = false;
  bool in_map_ = false;
  bool seen_map_ = false;
  std::string key_;
  std::map<std::string, std::string> map_;
};

bool IsInside(const std::filesystem::path& path, const std::filesystem::path& folder) {
  const auto [folder_end, path_part] =
      std::mismatch(folder.begin(), folder.end(), path.begin(), path.end());
  return folder_end == folder.end() && path_part != path.end();
}

}  // namespace

std::map<std::string, std::string> ReadShardedIndex(std::string_view json) {
  IndexListener listener;
  ReadJson(json, kWhat, listener);
  return listener.Take();
}

std::filesystem::path ShardPath(const std::filesystem::path& folder, const std::string& name) {
  namespace fs = std::filesystem;
  const fs::path path = folder / name;
  std::error_code error;
  if (!fs::exists(path, error)) {
    throw Error(ErrorCode::kNotFound, {.message = "a shard of the model is missing",
                                       .expected = path.string(),
                                       .where = folder.string(),
                                       .hint = "download the model again"});
  }
  const fs::path real_folder = fs::canonical(folder, error);
  const fs::path real = error ? fs::path() : fs::canonical(path, error);
  if (!error && IsInside(real, real_folder)) return path;
  // A Hugging Face cache entry has snapshots/<revision>/ full of links into blobs/ beside it.
  if (!error && real_folder.parent_path().filename() == "snapshots" &&
      IsInside(real, real_folder.parent_path().parent_path() / "blobs")) {
    return path;
  }
  throw Error(ErrorCode::kDataLoss, {.message = "a shard is a link that leaves the model's folder",
                                     .expected = "a file in " + real_folder.string(),
                                     .found = real.string(),
                                     .where = path.string(),
                                     .hint = "put the file itself into the folder"});
}

}  // namespace hyprstream::formats
