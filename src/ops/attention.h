// Causal grouped-query attention over a paged key/value cache. No T×T matrix exists: each query row
// walks the visible keys in blocks aligned to absolute positions with a running maximum and sum
// (online softmax, Milakov & Gimelshein 2018; FlashAttention, Dao et al. 2022), so a row's bits
// depend on its position and its keys only, not on how the prompt was cut into chunks.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "tensor/tensor.h"

namespace hyprstream::ops {

inline constexpr int kPageTokens = 32;

/// One layer of the cache. A page holds kPageTokens consecutive positions of one sequence: the keys
/// and then the values of each head in turn, of `dtype` (F32 or BF16; BF16 needs an even head_dim).
/// Within a head, elements lie as the kernels want them (kernels/cpu/attention_kernels.h): a page
/// can be copied whole, and read with LoadKeysValues.
struct KvLayerView {
  std::byte* base = nullptr;  // page p of this layer begins at base + p * page_stride
  uint64_t page_stride = 0;   // bytes
  DType dtype = DType::kBF16;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;

  /// Bytes of one page of one layer.
  static uint64_t PageBytes(DType dtype, int64_t kv_heads, int64_t head_dim);
};

/// Rows [row_begin, row_end) of the batch are consecutive tokens of one sequence, the first at
/// position first_position. pages[i] is the page of positions [i·kPageTokens, (i+1)·kPageTokens).
struct SequenceRows {
  int64_t row_begin = 0;
  int64_t row_end = 0;
  int64_t first_position = 0;
  std::span<const int32_t> pages;
};

/// Writes the rows' keys and values [rows, kv_heads · head_dim] at their positions in the pages.
void StoreKeysValues(Context& context, ConstMatrix keys, ConstMatrix values,
                     const KvLayerView& cache, std::span<const SequenceRows> sequences);

/// The contrary: keys and values of positions [first_position, first_position + keys.rows) of one
/// sequence, widened to f32.
void LoadKeysValues(const KvLayerView& cache, std::span<const int32_t> pages,
                    int64_t first_position, Matrix keys, Matrix values);

struct AttentionOptions {
  float scale = 0;     // of the scores, positive, usually head_dim^-0.5
  int64_t window = 0;  // key j is visible to query i when 0 <= i − j < window; 0 means no window
};

/// q and out: [rows, heads · head_dim], may be the same memory; heads is a multiple of
/// cache.kv_heads. The rows' own keys and values must be in the cache already. Rows that no
/// sequence covers are left as they are. Memory beside the operands is a few tiles per thread,
/// whatever the context's length.
void Attention(Context& context, ConstMatrix q, const KvLayerView& cache,
               std::span<const SequenceRows> sequences, const AttentionOptions& options,
               Matrix out);

}  // namespace hyprstream::ops
