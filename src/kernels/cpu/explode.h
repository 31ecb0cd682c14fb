// One row's 256 elements of a quantised type, taken apart: a byte per code and the scales as
// stored. The step between the file's blocks (tensor/blocks.h) and the strips of pack.h.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/dtype.h"

namespace hyprstream::kernels {

struct RowRecord {
  uint8_t codes[256];  // without the type's offset
  uint16_t d[8];       // f16; super-block types use d[0] and m[0]
  uint16_t m[8];       // f16: m or dmin
  uint8_t scales[16];  // integer scale of each sub-block, as stored
  uint8_t minima[16];
};

/// `row` is where the record begins; `blocks` (of 32 elements, at most 8) is how much of it there
/// is. What the type does not have, and codes beyond the last block, stay as they are in `out`.
void ExplodeRow(DType type, const std::byte* row, int blocks, RowRecord& out);

}  // namespace hyprstream::kernels
