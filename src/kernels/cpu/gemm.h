// Matrix products c = addend + a · b where b's rows run along the result's columns: what gradients
// need, for which a weight lies the wrong way round for the dot form of matmul.h. The caller packs
// a bounded piece of b into panels of kPanelColumns columns and asks for the product with each.
// Every element of c is one chain of multiply-adds in the order of the steps, then added: its bits
// depend on its own row of a and column of b only. Functions are reentrant; memory is the caller's.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/matmul.h"

namespace hyprstream::kernels {

inline constexpr int64_t kPanelColumns = 32;
/// Steps of a panel that is multiplied at once: 16 KiB, half of an L1 cache.
inline constexpr int64_t kPanelSteps = 128;

/// c[m][n] = addend[m][n] + Σ_s a[m][s] · b[s][n], b[s][n] being word s · kPanelColumns + n. A word
/// is one f32, or two bf16 that are neighbours along the summed dimension, the first in the low
/// half: such a step adds both products.
template <class Word>
struct GemmArgs {
  const Word* a;
  int64_t a_row;   // words from row to row
  int64_t a_step;  // words from step to step
  const Word* b;   // one panel; all its words are read, whatever `columns` is
  int64_t steps;
  int64_t rows;
  int64_t columns;  // at most kPanelColumns
  float* c;
  int64_t c_row;        // floats
  const float* addend;  // what the sums are added to: null, c itself or another matrix
  int64_t addend_row;   // floats
};

/// Where packing writes: word (step s, column n) at
///   words + (n / kPanelColumns) · panel_words + s · kPanelColumns + n % kPanelColumns.
template <class Word>
struct PanelSpan {
  Word* words;
  int64_t panel_words;
};

/// Sixteen rows of a packed weight (pack.h), of which columns [0, columns) from `records` on are
/// widened and written as the steps 0, 1, … of a panel.
struct StripPiece {
  const std::byte* records;
  int64_t columns;
};

struct GemmKernels {
  void (*f32)(const GemmArgs<float>&);
  /// a_row must be kPanelSteps and a_step 1: with constant strides twelve rows need one pointer
  /// (1.1x). Null where the machine has no bf16 dot product; then the next four are null too.
  void (*bf16)(const GemmArgs<uint32_t>&);
  /// To bf16, nearest even.
  void (*round_bf16)(const float* x, int64_t count, uint16_t* out);
  /// Two rows of `columns` elements as one step of pairs.
  void (*pair_f32)(const float* even, const float* odd, int64_t columns, PanelSpan<uint32_t> out);
  void (*pair_bf16)(const std::byte* even, const std::byte* odd, int64_t columns,
                    PanelSpan<uint32_t> out);
  /// Eight steps of pairs, in the order of DType, kQ4_0 to kIQ4_XS.
  void (*strip_bf16[kPackedTypes])(const StripPiece&, PanelSpan<uint32_t> out);
  /// Sixteen steps of f32, with the values of DequantizeRow. Null where `bf16` is not.
  void (*strip_f32[kPackedTypes])(const StripPiece&, PanelSpan<float> out);
};

/// The machine must support `isa`.
const GemmKernels& GemmKernelsFor(Isa isa);

namespace internal {
extern const GemmKernels kGemmScalar;
extern const GemmKernels kGemmAvx2;
extern const GemmKernels kGemmAvx512;
}  // namespace internal

}  // namespace hyprstream::kernels
