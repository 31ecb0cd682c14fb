#include "ops/norm.h"

#include "kernels/cpu/row_kernels.h"
#include "ops/row_parallel.h"

namespace hyprstream::ops {

void RmsNorm(Context& context, ConstMatrix x, std::span<const float> weight, float eps, Matrix y) {
  HYPR_CHECK(x.rows == y.rows && x.cols == y.cols);
  HYPR_CHECK(static_cast<int64_t>(weight.size()) == x.cols);
  const kernels::RowKernels& kernel = kernels::RowKernelsFor(context.isa);
  ForRows(context, x.rows, x.cols, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      kernel.rms_norm(x.row(i), weight.data(), x.cols, eps, y.row(i));
    }
  });
}

void RmsNormHeads(Context& context, Matrix x, std::span<const float> weight, float eps) {
  const auto head_dim = static_cast<int64_t>(weight.size());
  HYPR_CHECK(head_dim > 0 && x.cols % head_dim == 0);
  const kernels::RowKernels& kernel = kernels::RowKernelsFor(context.isa);
  ForRows(context, x.rows, x.cols, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (float* head = x.row(i); head < x.row(i) + x.cols; head += head_dim) {
        kernel.rms_norm(head, weight.data(), head_dim, eps, head);
      }
    }
  });
}

}  // namespace hyprstream::ops
