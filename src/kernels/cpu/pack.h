// Quantised weights in the order in which the kernels read them. Sixteen output rows make a strip;
// along k a strip is a sequence of records of up to 256 elements, as many bytes as the sixteen rows
// had. Inside a record the codes come first, k in groups of four: byte 4·row + k % 4 of the 64
// bytes of a group is what one 16-lane int8 dot product takes. Codes narrower than a byte lie in
// planes (kernels/cpu/plane.h); then come the sixteen rows' scales side by side. Rows beyond the
// last are zero. Any thread may pack its own strips.
#pragma once

#include <cstddef>
#include <cstdint>

#include "tensor/tensor.h"

namespace hyprstream::kernels {

/// Of the bytes that PackStrips writes. Files of packed weights carry it: any change of the layout
/// must raise it, or weights packed before the change would be used after it.
inline constexpr int kPackedLayoutVersion = 1;

/// Bytes from one strip to the next for rows of `row_bytes` (a multiple of a cache line).
int64_t PackedStripBytes(int64_t row_bytes);

/// Packs strips [begin, end) of a quantised matrix; strip i goes to out + i · PackedStripBytes.
void PackStrips(const TensorView& weight, int64_t begin, int64_t end, std::byte* out);

}  // namespace hyprstream::kernels
