// Rows of a base tensor with an adapter's updates added, widened, and rounded to a type while they
// are written. Private to adapters/.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "formats/streamed_tensor.h"
#include "ops/adapter_view.h"
#include "tensor/tensor.h"

namespace hyprstream::adapters {

/// In what order a tensor's rows lie. GGUF's Llama has the two halves of a head side by side: its
/// row 2i is row i of Hugging Face, its row 2i + 1 row head_dim/2 + i.
struct RowOrder {
  int64_t paired_head = 0;  // head_dim where rows lie in pairs, else 0

  /// Of Hugging Face, for a row of the tensor.
  int64_t Halved(int64_t row) const;
};

/// Where an adapter acts in a tensor: rows [first_row, first_row + out) of it.
struct RowUpdate {
  int64_t first_row = 0;
  int64_t out = 0;
  ops::LowRankView view;  // its B in the order of Hugging Face
};

struct MergedRows {
  std::string name;                // in errors
  TensorView base;                 // rows by its first dimensions; a vector is rows of one element
  RowOrder from;                   // as `base` lies
  RowOrder to;                     // as it is written; one of the two is none, or both are equal
  std::vector<RowUpdate> updates;  // first rows count as in `base`
};

/// Computes in f32 and rounds to nearest; a few rows are in memory at a time. Errors: kUnsupported
/// when a value does not fit `type`, which is F32, F16 or BF16.
void WriteMergedRows(const MergedRows& rows, DType type, const formats::ByteSink& sink);

}  // namespace hyprstream::adapters
