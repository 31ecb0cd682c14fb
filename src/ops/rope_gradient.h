// What flows back through rotary position embedding (rope.h): a rotation's transpose is the
// rotation by the opposite angle, times the same magnitude.
#pragma once

#include <cstdint>

#include "ops/rope.h"

namespace hyprstream::ops {

/// The table of the opposite angles, its sines in memory of context.scratch.
RopeTable OppositeRope(Context& context, const RopeTable& table);

/// `d` [rows, heads · head_dim] holds dy of Rope(x, head_dim, table) and becomes dx.
void RopeGradient(Context& context, Matrix d, int64_t head_dim, const RopeTable& table);

}  // namespace hyprstream::ops
