// Encoding of f32 into GGUF's quantised blocks, one function per type. Private to tensor/.
#pragma once

#include <span>

#include "tensor/blocks.h"

namespace hyprstream {

/// `x` is one block: 32 or 256 finite values, as many as the type's block has elements.
void EncodeBlock(std::span<const float> x, BlockQ8_0& block);
void EncodeBlock(std::span<const float> x, BlockQ4_0& block);
void EncodeBlock(std::span<const float> x, BlockQ5_0& block);
void EncodeBlock(std::span<const float> x, BlockQ5_1& block);
void EncodeBlock(std::span<const float> x, BlockQ4_K& block);
void EncodeBlock(std::span<const float> x, BlockQ5_K& block);
void EncodeBlock(std::span<const float> x, BlockQ6_K& block);

}  // namespace hyprstream
