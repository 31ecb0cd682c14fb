// Where a model's tensors come from, under Hugging Face names whatever the file calls them. Used
// only while loading.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "formats/model_files.h"
#include "model/config.h"
#include "tensor/tensor.h"

namespace hyprstream::model {

struct SourceTensor {
  TensorView view;
  /// Keeps the bytes alive when they are not part of the files' mapping; may be null.
  std::shared_ptr<const void> storage = {};
};

class TensorSource {
 public:
  virtual ~TensorSource() = default;
  /// Nothing when there is no such tensor. Errors: kDataLoss naming the tensor and both shapes.
  virtual std::optional<SourceTensor> Find(std::string_view name, const Shape& shape) = 0;
  /// The tensor's bytes have been copied elsewhere: their pages may go.
  virtual void Release(const TensorView& view) = 0;
  /// In errors: the path.
  virtual std::string where() const = 0;
  /// Bytes of all tensors, as far as known beforehand.
  virtual uint64_t total_bytes() const = 0;
};

/// From safetensors or GGUF. Undoes what a format does to a layout (stacked experts, interleaved q
/// and k rows). `files` must outlive the source and all views.
std::unique_ptr<TensorSource> MakeFilesSource(const formats::ModelFiles& files,
                                              const ModelConfig& config);

}  // namespace hyprstream::model
