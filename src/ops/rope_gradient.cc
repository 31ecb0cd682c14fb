#include "ops/rope_gradient.h"

namespace hyprstream::ops {

RopeTable OppositeRope(Context& context, const RopeTable& table) {
  const Matrix sin = context.scratch.AllocateMatrix(table.sin.rows, table.sin.cols);
  for (int64_t row = 0; row < sin.rows; ++row) {
    for (int64_t i = 0; i < sin.cols; ++i) sin.row(row)[i] = -table.sin.row(row)[i];
  }
  return {table.cos, sin};
}

void RopeGradient(Context& context, Matrix d, int64_t head_dim, const RopeTable& table) {
  const Scratch::Frame frame(context.scratch);
  Rope(context, d, head_dim, OppositeRope(context, table));
}

}  // namespace hyprstream::ops
