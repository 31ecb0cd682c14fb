// A tensor that is written to a file without being in memory as a whole.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "formats/safetensors.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace hyprstream::formats {

using ByteSink = std::function<void(std::span<const std::byte>)>;

struct StreamedTensor {
  std::string name;
  DType dtype = DType::kF32;
  Shape shape;
  /// Puts exactly bytes() bytes into the sink, row by row in order, in pieces of any size.
  std::function<void(const ByteSink&)> write;

  uint64_t bytes() const;
};

/// A view that is written as it is; its bytes must live until then.
StreamedTensor Streamed(const NamedTensor& tensor);
/// Calls the tensor's `write` and checks how much it wrote.
void WriteTensor(const StreamedTensor& tensor, const ByteSink& sink);

}  // namespace hyprstream::formats
