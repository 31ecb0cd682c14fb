// Kernels on one row of f32 (norm, rotation, activation, softmax), compiled once for each
// instruction set. Plain functions over raw views: no allocation, no threads, no checks. Every
// result is a fixed function of the row, so rows may be given to threads in any way.
#pragma once

#include <cstdint>

#include "kernels/cpu/isa.h"

namespace hyprstream::kernels {

struct RowKernels {
  /// y = x / sqrt(mean(x²) + eps) ∘ weight; y may be x.
  void (*rms_norm)(const float* x, const float* weight, int64_t cols, float eps, float* y);
  /// Rotates `heads` heads of `head_dim` in place; cos and sin: [head_dim / 2].
  void (*rotate)(float* x, int64_t heads, int64_t head_dim, const float* cos, const float* sin);
  /// y = gate / (1 + e^−gate) · up; y may be gate or up.
  void (*swiglu)(const float* gate, const float* up, int64_t count, float* y);
  /// x += delta.
  void (*add)(float* x, const float* delta, int64_t count);
  /// x += scale · delta.
  void (*add_scaled)(float* x, const float* delta, float scale, int64_t count);
  /// x becomes e^(x − max) / Σ. Entries of −infinity become 0.
  void (*softmax)(float* x, int64_t count);
  /// y = e^x, within 1 ulp; 0 below −104, infinity above 88.73.
  void (*exp)(const float* x, int64_t count, float* y);
  /// Round to nearest even.
  void (*to_bf16)(const float* x, int64_t count, uint16_t* y);
};

const RowKernels& RowKernelsFor(Isa isa);

const RowKernels& PortableRowKernels();
const RowKernels& Avx2RowKernels();
const RowKernels& Avx512RowKernels();

}  // namespace hyprstream::kernels
