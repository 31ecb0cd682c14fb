// Matrix products y = x Wᵀ over raw memory, one table of functions for each instruction set. Two
// families: float weights where they lie, row-major; quantised weights packed into strips (pack.h).
// Every output element sums over k in an order that depends on its own row of x and its own row of
// W only, so neither the number of rows nor the way columns are split over threads changes a bit.
// Functions are reentrant; memory is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/float_panels.h"
#include "kernels/cpu/isa.h"
#include "tensor/dtype.h"

namespace hyprstream::kernels {

/// Output rows of a weight that are computed together; work is split over threads at multiples.
inline constexpr int64_t kStripRows = 16;
/// Elements of k in one record of a strip and in one ActivationBlock.
inline constexpr int64_t kSuperBlock = 256;

/// 256 consecutive activations of one row: x[i] ≈ scale[i / 32] · q[i], |q| ≤ 127.
struct alignas(64) ActivationBlock {
  int8_t q[256];
  float scale[8];
  int16_t sum[16];  // of q, over each 16 elements
};
static_assert(sizeof(ActivationBlock) == 320);

/// ActivationBlocks of a row of k elements.
constexpr int64_t ActivationBlocks(int64_t k) { return (k + kSuperBlock - 1) / kSuperBlock; }

/// y[m][i] = Σ_k x[m][k] · w[i][k] + bias[i] for `outputs` rows of W.
struct FloatMatmulArgs {
  const std::byte* weight;  // row i begins at weight + i · weight_stride
  int64_t weight_stride;    // bytes
  const std::byte* x;       // f32 or bf16, as the kernel's name says; any alignment
  int64_t x_stride;         // bytes
  int64_t rows;             // of x
  int64_t outputs;          // rows of W
  int64_t k;
  const float* bias;  // [outputs], or null
  float* y;           // row m begins at y + m · y_stride
  int64_t y_stride;   // floats
};
using FloatMatmul = void (*)(const FloatMatmulArgs&);

/// The same for strips; `outputs` counts from the first row of the first strip and may end inside
/// the last one.
struct PackedMatmulArgs {
  const std::byte* strips;
  int64_t strip_stride;      // bytes
  const ActivationBlock* x;  // row m begins at x + m · ActivationBlocks(k)
  int64_t rows;
  int64_t outputs;
  int64_t k;
  const float* bias;
  float* y;
  int64_t y_stride;    // floats
  std::byte* scratch;  // kPackedScratchBytes, 64-byte aligned, of this thread
  int64_t near_fetch_bytes = NearFetchBytes();
};
using PackedMatmul = void (*)(const PackedMatmulArgs&);
inline constexpr int64_t kPackedScratchBytes = int64_t{96} << 10;

/// y[m][i] += Σ_c z[m][c] · b[c][i], components in order; a product of zero leaves y's bits alone.
struct LowRankArgs {
  const float* z;    // [rows, rank], scaled already
  const float* b;    // component c begins at b + c · b_stride
  int64_t b_stride;  // floats
  int64_t rank;
  int64_t rows;
  int64_t outputs;
  float* y;
  int64_t y_stride;  // floats
};

inline constexpr int kPackedTypes = 12;

struct MatmulKernels {
  FloatMatmul f32;       // f32 x
  FloatMatmul f16;       // f32 x
  FloatMatmul bf16;      // f32 x
  FloatMatmul bf16_dot;  // bf16 x; null where the machine has no such instruction
  /// The same bits as the four above, for kLeastFloatPanelRows and more; or null.
  const FloatPanelKernels* float_panels;
  PackedMatmul packed[kPackedTypes];
  void (*round_bf16)(const float* x, int64_t count, uint16_t* out);
  /// `count` ≤ 256 activations; elements beyond are zero.
  void (*quantize)(const float* x, int64_t count, ActivationBlock* out);
  void (*low_rank)(const LowRankArgs&);

  PackedMatmul packed_for(DType type) const {
    return packed[static_cast<int>(type) - static_cast<int>(DType::kQ4_0)];
  }
};

/// The machine must support `isa`.
const MatmulKernels& MatmulKernelsFor(Isa isa);

namespace internal {
extern const MatmulKernels kMatmulScalar;
extern const MatmulKernels kMatmulAvx2;
extern const MatmulKernels kMatmulAvx512;
}  // namespace internal

}  // namespace hyprstream::kernels
