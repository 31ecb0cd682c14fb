// Widening of any computable element type to f32: exact for the plain types; for quantised blocks
// the arithmetic and its order are ggml's reference, so values are equal bit for bit. Scalar code:
// the reference that faster kernels are tested against.
#pragma once

#include <span>

#include "tensor/tensor.h"

namespace hyprstream {

/// True for the types that DequantizeRow can widen.
bool CanDequantize(DType type);

/// Widens one row: out.size() elements stored in `row` (exactly RowBytes(type, out.size()) bytes).
void DequantizeRow(DType type, std::span<const std::byte> row, std::span<float> out);

/// A whole tensor to f32. Errors: kUnsupported naming the type.
Tensor DequantizeToF32(const TensorView& view);

}  // namespace hyprstream
