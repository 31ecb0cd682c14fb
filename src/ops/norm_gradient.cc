#include "ops/norm_gradient.h"

#include "kernels/cpu/gradient_kernels.h"
#include "ops/row_parallel.h"

namespace hyprstream::ops {

void RmsNormGradient(Context& context, ConstMatrix x, std::span<const float> weight, float eps,
                     ConstMatrix dy, Matrix dx) {
  HYPR_CHECK(x.rows == dx.rows && x.cols == dx.cols);
  HYPR_CHECK(dy.rows == dx.rows && dy.cols == dx.cols);
  HYPR_CHECK(static_cast<int64_t>(weight.size()) == x.cols);
  const kernels::GradientKernels& kernel = kernels::GradientKernelsFor(context.isa);
  ForRows(context, x.rows, x.cols, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      kernel.rms_norm(x.row(i), weight.data(), dy.row(i), dx.row(i), x.cols, eps, dx.row(i));
    }
  });
}

void RmsNormHeadsGradient(Context& context, ConstMatrix x, std::span<const float> weight, float eps,
                          Matrix d) {
  const auto head_dim = static_cast<int64_t>(weight.size());
  HYPR_CHECK(x.rows == d.rows && x.cols == d.cols);
  HYPR_CHECK(head_dim > 0 && x.cols % head_dim == 0);
  const kernels::GradientKernels& kernel = kernels::GradientKernelsFor(context.isa);
  ForRows(context, x.rows, x.cols, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t head = 0; head < x.cols; head += head_dim) {
        float* dy = d.row(i) + head;
        kernel.rms_norm(x.row(i) + head, weight.data(), dy, nullptr, head_dim, eps, dy);
      }
    }
  });
}

}  // namespace hyprstream::ops
