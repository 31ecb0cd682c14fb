// Narrowing of f32 rows to the types that weights are stored in: plain floats round to nearest
// even, blocks are searched for the scales with the least squared error, not merely rounded to a
// scale that follows from the largest element. The search looks at one block alone, so the bytes of
// a row depend on that row only. Pure functions: any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "tensor/dtype.h"

namespace hyprstream {

/// F32, F16, BF16, Q8_0, Q4_0, Q5_0, Q5_1, Q4_K, Q5_K and Q6_K.
bool CanQuantize(DType type);

/// The largest magnitude that the type is given. For blocks that of their scale's type.
float LargestStorable(DType type);

/// Index of the first value that is not a number, not finite, or larger than LargestStorable.
std::optional<size_t> FindUnstorable(DType type, std::span<const float> values);

/// Writes RowBytes(type, values.size()) bytes, `out.size()`. Every value must be storable.
void QuantizeRow(DType type, std::span<const float> values, std::span<std::byte> out);

}  // namespace hyprstream
