// Kernels of the backward pass and of attention over whole sequences, compiled once for each
// instruction set. Plain functions over raw views: no allocation, no threads, no checks. Every
// result is a fixed function of its operands, so work may be given to threads in any way.
#pragma once

#include <cstdint>

#include "kernels/cpu/isa.h"

namespace hyprstream::kernels {

/// y[m][i] += Σ_c z(m, c) · b[c][i], c ascending; z(m, c) lies at z + m·z_row + c·z_col, so that a
/// matrix and its transpose serve alike.
struct BlockProduct {
  const float* z;
  int64_t z_row;     // floats
  int64_t z_col;     // floats
  const float* b;    // row c begins at b + c · b_stride
  int64_t b_stride;  // floats
  int64_t rows;      // of y
  int64_t depth;     // columns of z, rows of b
  int64_t cols;      // of y
  float* y;          // row m begins at y + m · y_stride
  int64_t y_stride;  // floats
};

/// The part of a row of scores that its query sees: [begin, end) of `count`, not empty.
struct VisibleKeys {
  int64_t begin;
  int64_t end;
  int64_t count;
};

struct GradientKernels {
  /// dx = plus + J(x)ᵀ dy for y = x · r ∘ weight, r = 1 / sqrt(mean(x²) + eps), which is
  /// r·(weight ∘ dy) − x · r³/cols · Σ x∘weight∘dy. plus may be null; dx may be dy or plus.
  void (*rms_norm)(const float* x, const float* weight, const float* dy, const float* plus,
                   int64_t cols, float eps, float* dx);
  /// For y = gate·s·up, s = 1 / (1 + e^−gate): dup = dy·gate·s, dgate = dy·up·s·(1 + gate·(1 − s)).
  /// The results may be any of the operands.
  void (*swiglu)(const float* gate, const float* up, const float* dy, int64_t count, float* dgate,
                 float* dup);
  float (*dot)(const float* a, const float* b, int64_t count);
  void (*accumulate)(const BlockProduct& product);
  /// Visible scores become e^(score − largest), others 0; `largest` and `sum` advance. Returns the
  /// factor for what was accumulated under the former maximum. At first largest = −infinity.
  float (*advance_softmax)(float* scores, VisibleKeys keys, float* largest, float* sum);
  /// Scores become probabilities p = e^(score − log_sum), dp becomes p·(dp − delta); both 0 where
  /// the query does not see the key.
  void (*softmax_gradient)(float* scores, float* dp, VisibleKeys keys, float log_sum, float delta);
};

const GradientKernels& GradientKernelsFor(Isa isa);

const GradientKernels& PortableGradientKernels();
const GradientKernels& Avx2GradientKernels();
const GradientKernels& Avx512GradientKernels();

}  // namespace hyprstream::kernels
