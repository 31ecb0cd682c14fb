// The gradient of the linear operation with respect to its input: the backward pass through frozen
// weights. Weights are read in the form in which they serve (a bounded piece at a time is widened
// for the products), so a model that is trained on takes no more memory than one that serves. Rows
// are independent: row i of the result has the same bits whatever other rows are in the batch and
// however many threads run.
#pragma once

#include <span>

#include "ops/linear.h"

namespace hyprstream::ops {

struct LinearGradientTerm {
  const LinearWeight* weight;
  ConstMatrix dy;  // [rows, out_features], of y = x Wᵀ
};

/// dx [rows, in_features] = Σ_i dy_i W_i, overwritten; terms are added in their order (q, k and v;
/// gate and up). dx may not overlap a dy. The adapters' share is LowRankGradient's.
/// Serving arithmetic where the machine multiplies bf16: dy and the widened weight are rounded to
/// bf16, products summed in f32. Exact arithmetic, and every other machine: f32 throughout.
/// Sums run over pieces of 256 (bf16) or 128 (f32) outputs, which are then added in order.
void LinearInputGradient(Context& context, std::span<const LinearGradientTerm> terms, Matrix dx);

}  // namespace hyprstream::ops
