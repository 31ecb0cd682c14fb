// What flows back through SwiGLU (pointwise.h).
#pragma once

#include "ops/context.h"
#include "tensor/tensor.h"

namespace hyprstream::ops {

/// For y = silu(gate) ∘ up and its gradient dy, all [rows, cols]. dgate and dup may be any of the
/// operands' memory, but not each other's.
void SwiGluGradient(Context& context, ConstMatrix gate, ConstMatrix up, ConstMatrix dy,
                    Matrix dgate, Matrix dup);

}  // namespace hyprstream::ops
