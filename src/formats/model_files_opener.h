// Finds the files of a model and fills a ModelFiles from them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "formats/model_files.h"

namespace hyprstream::formats {

class ModelFilesOpener {
 public:
  /// `files` is empty.
  explicit ModelFilesOpener(ModelFiles& files) : files_(files) {}

  /// Errors: as ModelFiles::Open.
  void Open(const std::filesystem::path& path);

 private:
  void OpenFolder(const std::filesystem::path& folder);
  void OpenSafetensors(const std::filesystem::path& file);
  void OpenShards(const std::filesystem::path& index);
  void OpenGguf(const std::filesystem::path& file);
  void OpenGgufSplit(std::shared_ptr<const GgufFile> part);
  void ReadTexts(const std::filesystem::path& folder);
  void Add(std::span<const NamedTensor> tensors, const std::filesystem::path& file);

  ModelFiles& files_;
};

/// True when the file begins with the letters GGUF. False also when it cannot be read.
bool IsGguf(const std::filesystem::path& file);

/// The path of part `number` (from 0) of a split that `part` belongs to by its name,
/// "<prefix>-00001-of-00004.gguf"; empty when the name is not of that form for `count` parts.
std::filesystem::path GgufPartPath(const std::filesystem::path& part, uint64_t number,
                                   uint64_t count);

}  // namespace hyprstream::formats
