#include "ops/rope.h"

#include <cmath>

#include "kernels/cpu/row_kernels.h"
#include "ops/row_parallel.h"

namespace hyprstream::ops {
namespace {

/// What a cosine and a sine cost, in simple element operations.
constexpr int64_t kSinCosElements = 40;

}  // namespace

RopeTable PrepareRope(Context& context, std::span<const int32_t> positions,
                      std::span<const float> inv_freq, float magnitude) {
  const auto rows = static_cast<int64_t>(positions.size());
  const auto half = static_cast<int64_t>(inv_freq.size());
  const Matrix cos = context.scratch.AllocateMatrix(rows, half);
  const Matrix sin = context.scratch.AllocateMatrix(rows, half);
  ForRows(context, rows, half * kSinCosElements, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const auto position = static_cast<float>(positions[static_cast<size_t>(row)]);
      for (int64_t i = 0; i < half; ++i) {
        const float angle = position * inv_freq[static_cast<size_t>(i)];
        cos.row(row)[i] = std::cos(angle) * magnitude;
        sin.row(row)[i] = std::sin(angle) * magnitude;
      }
    }
  });
  return {cos, sin};
}

void Rope(Context& context, Matrix x, int64_t head_dim, const RopeTable& table) {
  HYPR_CHECK(head_dim > 0 && head_dim % 2 == 0 && x.cols % head_dim == 0);
  HYPR_CHECK(table.cos.rows == x.rows && table.cos.cols == head_dim / 2);
  HYPR_CHECK(table.sin.rows == x.rows && table.sin.cols == head_dim / 2);
  const kernels::RowKernels& kernel = kernels::RowKernelsFor(context.isa);
  ForRows(context, x.rows, x.cols, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      kernel.rotate(x.row(i), x.cols / head_dim, head_dim, table.cos.row(i), table.sin.row(i));
    }
  });
}

void Rope(Context& context, Matrix x, int64_t head_dim, std::span<const int32_t> positions,
          std::span<const float> inv_freq, float magnitude) {
  const Scratch::Frame frame(context.scratch);
  Rope(context, x, head_dim, PrepareRope(context, positions, inv_freq, magnitude));
}

}  // namespace hyprstream::ops
