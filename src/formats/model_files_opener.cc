#include "formats/model_files_opener.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <set>

#include "formats/sharded_index.h"
#include "formats/small_files.h"
#include "tensor/dequantize.h"

namespace hyprstream::formats {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kWeights = "model.safetensors";
constexpr std::string_view kIndex = "model.safetensors.index.json";
constexpr uint64_t kMaxIndexBytes = uint64_t{256} << 20;
constexpr uint64_t kMaxParts = 99999;  // five digits

bool Exists(const fs::path& path) {
  std::error_code error;
  return fs::exists(path, error);
}

/// The folder's regular files, in order of their names.
std::vector<fs::path> FilesIn(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code status_error;
    if (entry->is_regular_file(status_error)) files.push_back(entry->path());
  }
  if (error) {
    throw Error(ErrorCode::kIo, {.message = "cannot read the model's folder",
                                 .found = error.message(),
                                 .where = folder.string()});
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> Select(const std::vector<fs::path>& files, bool (*wanted)(const fs::path&)) {
  std::vector<fs::path> selected;
  std::copy_if(files.begin(), files.end(), std::back_inserter(selected), wanted);
  return selected;
}

bool IsModelSafetensors(const fs::path& file) {
  return file.extension() == ".safetensors" && file.filename() != "adapter_model.safetensors";
}

std::string Names(const std::vector<fs::path>& files) {
  std::string names;
  for (const fs::path& file : files) {
    if (!names.empty()) names += ", ";
    names += file.filename().string();
  }
  return names;
}

/// A split counts once: parts after the first are left out.
std::vector<fs::path> WithoutLaterParts(const std::vector<fs::path>& files) {
  std::vector<fs::path> firsts;
  std::set<fs::path> known(files.begin(), files.end());
  for (const fs::path& file : files) {
    const std::string stem = file.stem().string();
    uint64_t count = 0;
    if (stem.size() > 5) std::sscanf(stem.c_str() + stem.size() - 5, "%5lu", &count);
    const fs::path first = count == 0 ? fs::path() : GgufPartPath(file, 0, count);
    if (first.empty() || first == file || !known.contains(first)) firsts.push_back(file);
  }
  return firsts;
}

[[noreturn]] void FailNoModel(const fs::path& folder) {
  ErrorDetail detail{.message = "there is no model in this folder",
                     .expected = "config.json and model.safetensors (or its shards and " +
                                 std::string(kIndex) + "), or a GGUF file",
                     .where = folder.string()};
  if (Exists(folder / "adapter_config.json")) {
    detail.found = "an adapter";
    detail.hint = "give the base model here and load the adapter onto it";
  } else if (Exists(folder / "pytorch_model.bin") ||
             Exists(folder / "pytorch_model.bin.index.json")) {
    detail.found = "PyTorch weights";
    detail.hint = "convert them to safetensors first";
  } else if (Exists(folder / "config.json")) {
    detail.found = "config.json without weights";
  } else if (Exists(folder / "tokenizer.json")) {
    detail.found = "tokenizer.json alone";
  }
  throw Error(ErrorCode::kNotFound, std::move(detail));
}

[[noreturn]] void FailSplit(const fs::path& file, std::string message, std::string expected,
                            std::string found) {
  throw Error(ErrorCode::kDataLoss, {.message = std::move(message),
                                     .expected = std::move(expected),
                                     .found = std::move(found),
                                     .where = file.string()});
}

}  // namespace

bool IsGguf(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  char magic[4] = {};
  return stream.read(magic, 4) && std::string_view(magic, 4) == "GGUF";
}

fs::path GgufPartPath(const fs::path& part, uint64_t number, uint64_t count) {
  const std::string name = part.filename().string();
  char tail[32];
  std::snprintf(tail, sizeof(tail), "-of-%05lu.gguf", count);
  const size_t tail_size = std::char_traits<char>::length(tail);
  constexpr size_t kNumberSize = 6;  // "-00001"
  if (!name.ends_with(tail) || name.size() <= tail_size + kNumberSize) return {};
  const size_t begin = name.size() - tail_size - kNumberSize;
  const std::string_view digits = std::string_view(name).substr(begin + 1, 5);
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (name[begin] != '-' || !std::all_of(digits.begin(), digits.end(), is_digit)) return {};
  char head[32];
  std::snprintf(head, sizeof(head), "-%05lu", number + 1);
  return part.parent_path() / (name.substr(0, begin) + head + tail);
}

void ModelFilesOpener::Open(const fs::path& path) {
  files_.path_ = path;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    throw Error(ErrorCode::kNotFound, {.message = "no such model",
                                       .expected = "a folder, a safetensors file or a GGUF file",
                                       .where = path.string()});
  }
  if (fs::is_directory(status)) return OpenFolder(path);
  if (IsGguf(path)) return OpenGguf(path);
  const fs::path folder = path.parent_path();
  const bool is_shard = path.filename() != kWeights && !Exists(folder / kWeights) &&
                        path.filename().string().find("-of-") != std::string::npos;
  if (is_shard && Exists(folder / kIndex)) return OpenShards(folder / kIndex);
  OpenSafetensors(path);
}

void ModelFilesOpener::OpenFolder(const fs::path& folder) {
  if (Exists(folder / kWeights)) return OpenSafetensors(folder / kWeights);
  if (Exists(folder / kIndex)) return OpenShards(folder / kIndex);
  const std::vector<fs::path> files = FilesIn(folder);
  const std::vector<fs::path> safetensors = Select(files, IsModelSafetensors);
  if (safetensors.size() == 1) return OpenSafetensors(safetensors.front());
  if (safetensors.size() > 1) {
    throw Error(ErrorCode::kNotFound, {.message = "the index of the model's shards is missing",
                                       .expected = std::string(kIndex),
                                       .found = Names(safetensors),
                                       .where = folder.string(),
                                       .hint = "download the index too"});
  }
  const std::vector<fs::path> gguf = WithoutLaterParts(Select(files, IsGguf));
  if (gguf.empty()) FailNoModel(folder);
  if (gguf.size() > 1) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "the folder holds several GGUF models",
                                              .expected = "one",
                                              .found = Names(gguf),
                                              .where = folder.string(),
                                              .hint = "name one of the files"});
  }
  OpenGguf(gguf.front());
}

void ModelFilesOpener::OpenSafetensors(const fs::path& file) {
  std::shared_ptr<const SafetensorsFile> opened = SafetensorsFile::Open(file);
  ReadTexts(file.parent_path());
  Add(opened->tensors(), file);
  files_.safetensors_.push_back(std::move(opened));
}

void ModelFilesOpener::OpenShards(const fs::path& index) {
  const fs::path folder = index.parent_path();
  std::map<std::string, std::string> shard_of;
  try {
    shard_of = ReadShardedIndex(ReadTextFile(index, kMaxIndexBytes));
  } catch (const Error& error) {
    throw error.Within(index.string());
  }
  ReadTexts(folder);
  std::map<std::string, std::shared_ptr<const SafetensorsFile>> shards;
  for (const auto& [tensor, name] : shard_of) {
    if (shards.contains(name)) continue;
    auto shard = SafetensorsFile::Open(ShardPath(folder, name));
    Add(shard->tensors(), shard->path());
    files_.safetensors_.push_back(shard);
    shards.emplace(name, std::move(shard));
  }
  for (const auto& [tensor, name] : shard_of) {
    if (shards.at(name)->Find(tensor) == nullptr) {
      throw Error(ErrorCode::kDataLoss, {.message = "a shard lacks a tensor that the index names",
                                         .expected = Quote(tensor) + " in " + name,
                                         .where = index.string()});
    }
  }
}

void ModelFilesOpener::OpenGguf(const fs::path& file) {
  std::shared_ptr<const GgufFile> opened = GgufFile::Open(file);
  if (opened->GetUint("split.count").value_or(1) > 1) {
    OpenGgufSplit(std::move(opened));
  } else {
    Add(opened->tensors(), file);
    files_.gguf_.push_back(std::move(opened));
  }
  const GgufFile& first = *files_.gguf_.front();
  if (!first.GetString("general.architecture")) {
    throw Error(ErrorCode::kDataLoss, {.message = "the GGUF file does not say what model it is",
                                       .expected = "the metadata key general.architecture",
                                       .where = first.path().string()});
  }
}

void ModelFilesOpener::OpenGgufSplit(std::shared_ptr<const GgufFile> part) {
  const uint64_t count = *part->GetUint("split.count");
  if (count > kMaxParts || GgufPartPath(part->path(), 0, count).empty()) {
    throw Error(
        ErrorCode::kNotFound,
        {.message = "the file is one part of a split model, but its name does not say which",
         .expected =
             "a name like model-00001-of-0000N.gguf for " + std::to_string(count) + " parts",
         .where = part->path().string()});
  }
  std::optional<uint64_t> total;
  for (uint64_t number = 0; number < count; ++number) {
    const fs::path path = GgufPartPath(part->path(), number, count);
    if (!Exists(path)) {
      throw Error(ErrorCode::kNotFound,
                  {.message = "a part of the split model is missing",
                   .expected = path.string(),
                   .hint = "download all " + std::to_string(count) + " parts"});
    }
    auto opened = path == part->path() ? part : GgufFile::Open(path);
    if (opened->GetUint("split.no") != number || opened->GetUint("split.count") != count) {
      FailSplit(path, "the file is not the part of the split that its name says",
                "split.no " + std::to_string(number), "another split.no or split.count");
    }
    const std::optional<uint64_t> part_total = opened->GetUint("split.tensors.count");
    if (number == 0) total = part_total;
    if (!part_total || part_total != total) {
      FailSplit(path, "the parts of the split do not agree on split.tensors.count",
                total ? std::to_string(*total) : "a count in every part",
                part_total ? std::to_string(*part_total) : "none");
    }
    Add(opened->tensors(), path);
    files_.gguf_.push_back(std::move(opened));
  }
  if (files_.tensors_.size() != *total) {
    FailSplit(part->path(), "the split model is incomplete", std::to_string(*total) + " tensors",
              std::to_string(files_.tensors_.size()));
  }
}

void ModelFilesOpener::ReadTexts(const fs::path& folder) {
  const fs::path config = folder / "config.json";
  if (!Exists(config)) {
    throw Error(ErrorCode::kNotFound, {.message = "the model's config.json is missing",
                                       .expected = config.string(),
                                       .hint = "put it beside the weights"});
  }
  files_.config_json_ = ReadTextFile(config);
  files_.generation_config_json_ = ReadTextFileIfPresent(folder / "generation_config.json");
  files_.tokenizer_config_json_ = ReadTextFileIfPresent(folder / "tokenizer_config.json");
  files_.chat_template_jinja_ = ReadTextFileIfPresent(folder / "chat_template.jinja");
}

void ModelFilesOpener::Add(std::span<const NamedTensor> tensors, const fs::path& file) {
  for (const NamedTensor& tensor : tensors) {
    if (!CanDequantize(tensor.view.dtype)) {
      throw Error(ErrorCode::kUnsupported,
                  {.message = "tensors of type " + std::string(Name(tensor.view.dtype)) +
                              " cannot be computed with",
                   .where = file.string() + ": tensor " + Quote(tensor.name),
                   .hint = "get the model in another type, such as BF16, Q8_0 or Q4_K"});
    }
    if (!files_.tensors_.emplace(tensor.name, tensor.view).second) {
      throw Error(ErrorCode::kDataLoss, {.message = "two files hold a tensor of the same name",
                                         .found = Quote(tensor.name),
                                         .where = file.string()});
    }
  }
}

}  // namespace hyprstream::formats
