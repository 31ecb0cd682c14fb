// Causal grouped-query attention of whole sequences that learn, forward and backward, in f32. No
// T×T matrix exists: queries in tiles walk the keys in blocks with a running maximum and sum, the
// backward pass computes each block's probabilities again from the logarithm of that sum
// (FlashAttention-2, Dao 2023, algorithms 1 and 2). One thread does all of one key/value head of
// one sequence, blocks are counted from the sequence's begin: bits depend neither on the number of
// threads nor on the other sequences of the batch.
#pragma once

#include <cstdint>
#include <span>

#include "ops/attention.h"
#include "ops/context.h"
#include "tensor/tensor.h"

namespace hyprstream::ops {

/// Rows [begin, end) of a batch: one whole sequence.
struct RowRange {
  int64_t begin = 0;
  int64_t end = 0;
};

/// q: [rows, heads · head_dim]; k, v: [rows, kv_heads · head_dim]; heads a multiple of kv_heads,
/// query head h reads key head h / (heads / kv_heads).
struct CausalAttentionInput {
  ConstMatrix q;
  ConstMatrix k;
  ConstMatrix v;
  int64_t head_dim = 0;
  std::span<const RowRange> sequences;
  AttentionOptions options;

  int64_t heads() const { return q.cols / head_dim; }
  int64_t kv_heads() const { return k.cols / head_dim; }
};

/// out: as q. log_sum [rows, heads] receives ln Σ e^(scale·q·k) of every row and head. Rows that no
/// sequence covers are left as they are. Memory beside the operands: for each thread the keys of
/// one head of the longest sequence and two tiles.
void CausalAttention(Context& context, const CausalAttentionInput& input, Matrix out,
                     Matrix log_sum);

/// What CausalAttention gave, and the gradient of `out`.
struct CausalAttentionResult {
  ConstMatrix out;
  ConstMatrix log_sum;
  ConstMatrix dout;
};

/// dq, dk and dv are overwritten in the rows of the sequences; dq may be dout's memory.
void CausalAttentionGradient(Context& context, const CausalAttentionInput& input,
                             const CausalAttentionResult& result, Matrix dq, Matrix dk, Matrix dv);

}  // namespace hyprstream::ops
