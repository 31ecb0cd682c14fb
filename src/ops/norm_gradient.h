// What flows back through root-mean-square normalisation (norm.h); its weight is frozen.
#pragma once

#include <span>

#include "ops/context.h"
#include "tensor/tensor.h"

namespace hyprstream::ops {

/// dx += J(x)ᵀ dy for y = RmsNorm(x): what a residual stream receives beside its own gradient.
/// All [rows, cols]; x is the norm's input. dx must not be dy.
void RmsNormGradient(Context& context, ConstMatrix x, std::span<const float> weight, float eps,
                     ConstMatrix dy, Matrix dx);

/// The same for every head on its own, in place: `d` holds dy and becomes dx. x and d:
/// [rows, heads · head_dim]; weight: [head_dim].
void RmsNormHeadsGradient(Context& context, ConstMatrix x, std::span<const float> weight, float eps,
                          Matrix d);

}  // namespace hyprstream::ops
