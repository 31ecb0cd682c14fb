// Pieces of a LinearWeight as the panels that the gradient's products take (kernels/cpu/gemm.h): a
// block of columns, some hundred outputs at a time, in the caller's memory. Private to the gradient
// of the linear operation; any thread with memory of its own.
#pragma once

#include <cstdint>

#include "kernels/cpu/gemm.h"
#include "ops/linear_weight.h"

namespace hyprstream::ops {

/// Columns widened together: a record of a strip, a super-block of a row.
inline constexpr int64_t kBlockColumns = 256;
// One step apart, so that panels do not compete for the same sets of the L1 cache.
inline constexpr int64_t kPanelWords = (kernels::kPanelSteps + 1) * kernels::kPanelColumns;
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

  /// Outputs [output, output + count) in steps of two (bf16) or one, at most kernels::kPanelSteps;
  /// output is a multiple of that. Half a pair is filled with zeros.
  void PackBf16(int64_t output, int64_t count, uint32_t* panels) const;
  void PackF32(int64_t output, int64_t count, float* panels) const;

 private:
  /// The block's bytes of one output, of a weight that is not packed.
  std::span<const std::byte> RowBytes(int64_t output) const {
    return weight_.view.bytes.subspan(static_cast<size_t>(output * row_bytes_ + column_bytes_),
                                      static_cast<size_t>(block_bytes_));
  }
  const float* WidenRow(int64_t output, float* to) const;
  template <class Word, class Strip>
  void PackStrips(int64_t output, int64_t count, int64_t strip_steps, Strip strip,
                  Word* panels) const;

  const kernels::GemmKernels& kernels_;
  const LinearWeight::Impl& weight_;
  int64_t columns_;
  int64_t column_bytes_;  // of one output before the block
  int64_t block_bytes_;
  int64_t row_bytes_;
  float* rows_;
};

}  // namespace hyprstream::ops
