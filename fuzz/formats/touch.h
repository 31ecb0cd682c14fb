// Uses tensors as the program would: every byte is read, and small computable ones are widened.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

#include "formats/safetensors.h"
#include "tensor/dequantize.h"

namespace hyprstream::fuzz {

inline void Touch(std::span<const formats::NamedTensor> tensors) {
  unsigned sum = 0;
  for (const formats::NamedTensor& tensor : tensors) {
    for (const std::byte byte : tensor.view.bytes) sum += static_cast<unsigned>(byte);
    HYPR_CHECK(!tensor.name.empty());
    if (CanDequantize(tensor.view.dtype) && tensor.view.bytes.size() < 65536) {
      const Tensor wide = DequantizeToF32(tensor.view);
      HYPR_CHECK(wide.shape() == tensor.view.shape);
    }
  }
  volatile unsigned keep = sum;
  (void)keep;
}

}  // namespace hyprstream::fuzz
