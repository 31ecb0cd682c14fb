// GGUF files, versions 2 and 3: typed metadata and tensors, mapped and handed out as views. Checked
// completely before anything is given out. Immutable after Open; views live as long as the object.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/mapped_file.h"
#include "formats/safetensors.h"
#include "tensor/tensor.h"

namespace hyprstream::formats {

/// A metadata value. Strings and arrays of strings are views into the mapping.
struct GgufValue {
  using Strings = std::vector<std::string_view>;
  std::variant<uint64_t, int64_t, double, bool, std::string_view, std::vector<uint64_t>,
               std::vector<int64_t>, std::vector<double>, std::vector<bool>, Strings>
      value;                  // unsigned, signed and float types are widened
  uint32_t type = 0;          // the file's own type number (9 for arrays)
  uint32_t element_type = 0;  // of an array
};

class GgufFile {
 public:
  /// Errors: kDataLoss saying what is wrong at which offset; kUnsupported for version 1
  /// and big endian. Types that are known but cannot be computed with are listed; ModelFiles
  /// refuses them. A Git LFS pointer is recognised as one.
  static std::shared_ptr<const GgufFile> Open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_->path(); }
  uint32_t version() const { return version_; }
  std::span<const NamedTensor> tensors() const { return tensors_; }  // shapes in PyTorch order
  const NamedTensor* Find(std::string_view name) const;
  /// In the order of the file.
  std::span<const std::pair<std::string, GgufValue>> metadata() const { return metadata_; }

  const GgufValue* Get(std::string_view key) const;
  /// Nothing when the key is absent. Errors: kDataLoss when it has another type.
  std::optional<std::string_view> GetString(std::string_view key) const;
  std::optional<uint64_t> GetUint(std::string_view key) const;  // any integer type, not negative
  std::optional<double> GetFloat(std::string_view key) const;   // f32 or f64
  std::optional<bool> GetBool(std::string_view key) const;
  const MappedFile& file() const { return *file_; }

 private:
  friend class GgufParser;
  GgufFile() = default;
  std::shared_ptr<const MappedFile> file_;
  uint32_t version_ = 0;
  std::vector<NamedTensor> tensors_;
  std::map<std::string, size_t, std::less<>> tensor_index_;
  std::vector<std::pair<std::string, GgufValue>> metadata_;
  std::map<std::string, size_t, std::less<>> metadata_index_;
};

}  // namespace hyprstream::formats
