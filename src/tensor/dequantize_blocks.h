// Decoding of GGUF's quantised blocks to f32, one function per type behind one switch. The order of
// the multiplications is part of the contract: results equal ggml's reference bit for bit.
#pragma once

#include <cstddef>
#include <span>

#include "tensor/dtype.h"

namespace hyprstream {

/// `blocks` holds exactly the blocks of out.size() elements of a type for which IsQuantized holds.
void DequantizeBlocks(DType type, std::span<const std::byte> blocks, std::span<float> out);

}  // namespace hyprstream
