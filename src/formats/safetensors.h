// safetensors files (https://github.com/huggingface/safetensors): a JSON header and raw tensors,
// mapped and handed out as views without a copy. The header is checked completely before any view
// is given out; the file is trusted in nothing. Immutable after Open; views live as long as the
// object.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "tensor/tensor.h"

namespace hyprstream::formats {

struct NamedTensor {
  std::string name;
  TensorView view;
};

class SafetensorsFile {
 public:
  /// Errors: kDataLoss saying what is wrong at which offset or key; a Git LFS pointer file is
  /// recognised as one.
  static std::shared_ptr<const SafetensorsFile> Open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_->path(); }
  /// In the order of their data.
  std::span<const NamedTensor> tensors() const { return tensors_; }
  /// Null when there is none of that name.
  const NamedTensor* Find(std::string_view name) const;
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  const MappedFile& file() const { return *file_; }

 private:
  SafetensorsFile() = default;
  std::shared_ptr<const MappedFile> file_;
  std::vector<NamedTensor> tensors_;
  std::map<std::string, size_t, std::less<>> by_name_;
  std::map<std::string, std::string> metadata_;
};

/// Writes a file that appears complete or not at all. Tensors are ordered by descending alignment
/// of their type, then by name; the header is padded so that data begins 8-aligned.
void WriteSafetensors(const std::filesystem::path& path, std::span<const NamedTensor> tensors,
                      const std::map<std::string, std::string>& metadata = {});

/// The same, of tensors that are made while they are written (formats/streamed_tensor.h).
struct StreamedTensor;
void WriteSafetensorsStreamed(const std::filesystem::path& path,
                              std::span<const StreamedTensor> tensors,
                              const std::map<std::string, std::string>& metadata = {});

}  // namespace hyprstream::formats
