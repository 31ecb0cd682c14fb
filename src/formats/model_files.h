// Where a model's files are and what tensors they hold, whatever the format: a folder with
// config.json and safetensors (one file or shards with an index), or GGUF (one file or a split).
// Nothing is interpreted here: names are the format's own. Immutable after Open.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/gguf.h"
#include "formats/safetensors.h"

namespace hyprstream::formats {

class ModelFiles {
 public:
  /// `path`: a folder, a .safetensors file beside a config.json, or a GGUF file (any name; found by
  /// content; for a split, any of its parts). A folder that holds one GGUF file and no safetensors
  /// counts as that file. Errors: kNotFound saying which file is missing, kDataLoss,
  /// kInvalidArgument when several GGUF files leave no choice (they are listed).
  static std::shared_ptr<const ModelFiles> Open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return path_; }
  /// Null for a safetensors model.
  const GgufFile* gguf() const { return gguf_.empty() ? nullptr : gguf_.front().get(); }
  /// Text of config.json; empty for GGUF.
  const std::string& config_json() const { return config_json_; }
  /// Texts of files beside the weights; empty when absent.
  const std::string& generation_config_json() const { return generation_config_json_; }
  const std::string& tokenizer_config_json() const { return tokenizer_config_json_; }
  const std::string& chat_template_jinja() const { return chat_template_jinja_; }

  /// Null when there is none of that name.
  const TensorView* Find(std::string_view name) const;
  const std::map<std::string, TensorView, std::less<>>& tensors() const { return tensors_; }
  /// Sum of the tensors' bytes.
  uint64_t tensor_bytes() const;
  /// Every file that holds tensors.
  std::vector<std::filesystem::path> weight_files() const;
  /// The mapping that holds these bytes, for dropping its pages; null when none does.
  const MappedFile* MappingOf(const TensorView& view) const;

 private:
  friend class ModelFilesOpener;
  ModelFiles() = default;
  std::filesystem::path path_;
  std::vector<std::shared_ptr<const SafetensorsFile>> safetensors_;
  std::vector<std::shared_ptr<const GgufFile>> gguf_;
  std::map<std::string, TensorView, std::less<>> tensors_;
  std::string config_json_;
  std::string generation_config_json_;
  std::string tokenizer_config_json_;
  std::string chat_template_jinja_;
};

}  // namespace hyprstream::formats
