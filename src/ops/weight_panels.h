// Pieces of a LinearWeight as the panels that the gradient's products take (kernels/cpu/gemm.h): a
// block of columns, some hundred outputs at a time, in the caller's memory. Private to the gradient
// of the linear operation; any thread with memory of its own.
#pragma once

#include <cstdint>

#include "kernels/cpu/gemm.h"
#include "ops/linear.h"

namespace hyprstream::ops {

/// Columns widened together: a record of a strip, a super-block of a row.
inline constexpr int64_t kBlockColumns = 256;
inline constexpr int64_t kPanelSteps = 128;
// One step apart, so that panels do not compete for the same sets of the L1 cache.
inline constexpr int64_t kPanelWords = (kPanelSteps + 1) * kernels::kPanelColumns;
/// Words of a packed piece.
inline constexpr int64_t kPanelBlockWords = kPanelWords * (kBlockColumns / kernels::kPanelColumns);

class WeightPanels {
 public:
  /// Columns [column, column + columns) of `weight`, column a multiple of kBlockColumns. `rows` is
  /// memory for two rows of kBlockColumns.
  WeightPanels(const kernels::GemmKernels& kernels, const LinearWeight& weight, int64_t column,
               int64_t columns, float* rows);

  /// Whether the products with `weight` are of bf16: which of the two functions may be called.
  static bool MultipliesBf16(const kernels::GemmKernels& kernels, const LinearWeight& weight);

  /// Outputs [output, output + count) in steps of two (bf16) or one, at most kPanelSteps; output
  /// is a multiple of kPanelSteps. Half a pair is filled with zeros.
  void PackBf16(int64_t output, int64_t count, uint32_t* panels) const;
  void PackF32(int64_t output, int64_t count, float* panels) const;

 private:
  /// The block's bytes of one output.
  std::span<const std::byte> RowBytes(int64_t output) const;
  const float* WidenRow(int64_t output, float* to) const;
  template <class Word, class Strip>
  void PackStrips(int64_t output, int64_t count, int64_t strip_steps, Strip strip,
                  Word* panels) const;

  const kernels::GemmKernels& kernels_;
  const LinearWeight& weight_;
  int64_t column_;
  int64_t columns_;
  float* rows_;
};

}  // namespace hyprstream::ops
