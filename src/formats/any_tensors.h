// Tensors of a single file of whatever format, recognised by its content: for listing, comparing
// and converting. Immutable after Open; views live as long as the object.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "formats/safetensors.h"

namespace hyprstream::formats {

class AnyTensors {
 public:
  /// A safetensors, GGUF or PyTorch file. Errors: those of its format; kDataLoss for none of them.
  static std::shared_ptr<const AnyTensors> Open(const std::filesystem::path& path);

  virtual ~AnyTensors() = default;
  /// "safetensors", "gguf" or "pytorch".
  virtual std::string_view format() const = 0;
  /// In the order of the file.
  virtual std::span<const NamedTensor> tensors() const = 0;
  /// A text that the file carries beside its tensors: metadata of safetensors, extra/NAME of a
  /// PyTorch archive. Empty when there is none.
  virtual std::string Note(std::string_view name) const = 0;
};

}  // namespace hyprstream::formats
