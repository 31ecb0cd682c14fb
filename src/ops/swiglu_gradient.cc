#include "ops/swiglu_gradient.h"

#include "kernels/cpu/gradient_kernels.h"
#include "ops/row_parallel.h"

namespace hyprstream::ops {
namespace {

/// What an exponential and a division cost, in simple element operations.
constexpr int64_t kExpElements = 6;

}  // namespace

void SwiGluGradient(Context& context, ConstMatrix gate, ConstMatrix up, ConstMatrix dy,
                    Matrix dgate, Matrix dup) {
  for (const ConstMatrix& other : {up, dy, ConstMatrix(dgate), ConstMatrix(dup)}) {
    HYPR_CHECK(other.rows == gate.rows && other.cols == gate.cols);
  }
  const kernels::GradientKernels& kernel = kernels::GradientKernelsFor(context.isa);
  ForRows(context, gate.rows, gate.cols * kExpElements, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      kernel.swiglu(gate.row(i), up.row(i), dy.row(i), gate.cols, dgate.row(i), dup.row(i));
    }
  });
}

}  // namespace hyprstream::ops
