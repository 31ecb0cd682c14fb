// Root-mean-square normalisation (Zhang & Sennrich 2019): y = x / sqrt(mean(x²) + eps) ∘ weight.
#pragma once

#include <span>

#include "ops/context.h"
#include "tensor/tensor.h"

namespace hyprstream::ops {

/// x, y: [rows, cols], may be the same memory; weight: [cols].
void RmsNorm(Context& context, ConstMatrix x, std::span<const float> weight, float eps, Matrix y);

/// The same for every head of a row on its own, in place. x: [rows, heads · head_dim];
/// weight: [head_dim], shared by the heads (the q and k norms of Qwen3).
void RmsNormHeads(Context& context, Matrix x, std::span<const float> weight, float eps);

}  // namespace hyprstream::ops
