// Rotary position embedding (Su et al. 2021) in the rotate-half form: dimensions i and i + d/2 are a
// pair. Frequencies come from the model's configuration, so every scaling scheme is a table.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "tensor/tensor.h"

namespace hyprstream::ops {

/// Rotates every head of x [rows, heads · head_dim] in place. positions: [rows];
/// inv_freq: [head_dim / 2] f32; the angle is position · inv_freq in f32; cos and sin are both
/// multiplied by `magnitude` (YaRN's attention factor, else 1).
void Rope(Context& context, Matrix x, int64_t head_dim, std::span<const int32_t> positions,
          std::span<const float> inv_freq, float magnitude);

}  // namespace hyprstream::ops
