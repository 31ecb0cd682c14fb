// Rotary position embedding (Su et al. 2021) in the rotate-half form: dimensions i and i + d/2 are
// a pair. Frequencies come from the model's configuration, so every scaling scheme is a table.
// Cosines and sines depend on the positions only: prepare them once per step, use them in all
// layers.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "tensor/tensor.h"

namespace hyprstream::ops {

/// cos and sin of every row's angles, [rows, head_dim / 2] each, in memory of context.scratch:
/// valid until the frame that was open when it was prepared ends.
struct RopeTable {
  ConstMatrix cos;
  ConstMatrix sin;
};

/// positions: [rows], below 2^24; inv_freq: [head_dim / 2] f32. The angle is position · inv_freq,
/// rounded to f32 as PyTorch does; cos and sin are both multiplied by `magnitude` (YaRN's attention
/// factor, else 1).
RopeTable PrepareRope(Context& context, std::span<const int32_t> positions,
                      std::span<const float> inv_freq, float magnitude);

/// Rotates every head of x [rows, heads · head_dim] in place.
void Rope(Context& context, Matrix x, int64_t head_dim, const RopeTable& table);

/// Both at once, for a single use.
void Rope(Context& context, Matrix x, int64_t head_dim, std::span<const int32_t> positions,
          std::span<const float> inv_freq, float magnitude);

}  // namespace hyprstream::ops
