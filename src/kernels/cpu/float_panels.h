// y = x Wᵀ for many rows of x and float weights where they lie, with the bits of the dot form
// (matmul_float.h). There, each output owns a vector of partial sums, lane l adding the 32-bit
// words l, l + 16, … of a row, and the lanes are folded in a tree. Here the outputs are the lanes:
// one lane of the dot form after another is summed for a tile of outputs and rows, and the sums are
// added in that tree's order. Nothing is folded across a vector, and a tile's operands lie in the
// order of their use: W is transposed panel by panel as it is met, x once for all panels. Functions
// are reentrant; memory is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hyprstream::kernels {

/// Rows of x in one group: at most, and the fewest that are taken in panels. A group of fewer than
/// seven has no tile; groups of 13 rows and more always have at least that.
inline constexpr int64_t kFloatGroupRows = 14;
inline constexpr int64_t kLeastFloatPanelRows = 13;
/// Lanes of the dot form; a step is one word for each.
inline constexpr int64_t kFloatLanes = 16;

constexpr int64_t FloatGroups(int64_t rows) {
  return (rows + kFloatGroupRows - 1) / kFloatGroupRows;
}
/// Groups differ by one row at most. Group FloatGroups(rows) begins at `rows`.
constexpr int64_t FloatGroupBegin(int64_t rows, int64_t group) {
  return rows * group / FloatGroups(rows);
}

/// Words of 32 bits: one f32 or two bf16.
enum class FloatWord { kF32, kBf16Pair };
constexpr int64_t FloatStepElements(FloatWord word) {
  return word == FloatWord::kF32 ? kFloatLanes : 2 * kFloatLanes;
}
constexpr int64_t FloatSteps(FloatWord word, int64_t k) {
  return (k + FloatStepElements(word) - 1) / FloatStepElements(word);
}
/// Bytes of a packed group of x. Lanes lie in the order of the tree, each with its steps, a step
/// with a word for each of kFloatGroupRows rows. The line between lanes keeps them off one cache
/// set.
constexpr int64_t FloatGroupLaneBytes(FloatWord word, int64_t k) {
  return (FloatSteps(word, k) * kFloatGroupRows * 4 + 127) / 64 * 64;
}
constexpr int64_t FloatGroupBytes(FloatWord word, int64_t k) {
  return kFloatLanes * FloatGroupLaneBytes(word, k);
}

/// Part of one group of x: steps [step_begin, step_end), all words of them.
struct PackFloatGroupArgs {
  const float* x;    // the group's first row
  int64_t x_stride;  // floats
  int64_t rows;      // ≤ kFloatGroupRows
  int64_t k;
  int64_t step_begin;
  int64_t step_end;
  std::byte* group;
};

/// y[m][i] = Σ_k x[m][k] · w[i][k] + bias[i] for `outputs` rows of W.
struct FloatPanelArgs {
  const std::byte* weight;  // row i begins at weight + i · weight_stride
  int64_t weight_stride;    // bytes
  const std::byte* groups;  // of x, packed; group g begins at groups + g · FloatGroupBytes
  int64_t rows;             // of x, ≥ kLeastFloatPanelRows
  int64_t outputs;
  int64_t k;
  const float* bias;  // [outputs], or null
  float* y;
  int64_t y_stride;    // floats
  std::byte* scratch;  // FloatPanelScratchBytes, 64-byte aligned, of this thread
};
using FloatPanelMatmul = void (*)(const FloatPanelArgs&);

/// Panels of 32 outputs that are transposed together: they stay in the L2 cache.
constexpr int64_t FloatPanelBytes(FloatWord word, int64_t k) {
  return kFloatLanes * (FloatSteps(word, k) + 1) * 128;
}
constexpr int64_t FloatPanelsTogether(FloatWord word, int64_t k) {
  const int64_t fitting = (int64_t{384} << 10) / FloatPanelBytes(word, k);
  return fitting < 1 ? 1 : fitting > 2 ? 2 : fitting;
}
constexpr int64_t FloatPanelScratchBytes(FloatWord word, int64_t k) {
  return FloatPanelsTogether(word, k) * FloatPanelBytes(word, k);
}

struct FloatPanelKernels {
  void (*pack_f32)(const PackFloatGroupArgs&);
  void (*pack_bf16)(const PackFloatGroupArgs&);
  FloatPanelMatmul f32;       // f32 words
  FloatPanelMatmul f16;       // f32 words
  FloatPanelMatmul bf16;      // f32 words
  FloatPanelMatmul bf16_dot;  // pairs of bf16
};

namespace internal {
extern const FloatPanelKernels kFloatPanelsAvx512;
}  // namespace internal

}  // namespace hyprstream::kernels
