// One step's worth of work for a model: rows of tokens from any number of sequences, prompts and
// single next tokens mixed. Borrowed views; the engine owns what they point to.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "model/modules.h"
#include "ops/attention.h"

namespace hyprstream::model {

/// Rows [row_begin, row_end) use `views` with `scale`. Several may cover the same rows.
struct AdapterUse {
  int64_t row_begin = 0;
  int64_t row_end = 0;
  const AdapterViews* views = nullptr;
  float scale = 1.0f;
};

struct Batch {
  std::span<const int32_t> tokens;               // [rows], each below vocab_size
  std::span<const int32_t> positions;            // [rows]
  std::span<const ops::SequenceRows> sequences;  // cover the rows in order
  std::span<const int32_t> output_rows;          // rows whose logits are wanted, ascending
  std::span<const AdapterUse> adapters;
  /// Per sequence, tokens of its prompt; empty means none is known. Dynamic RoPE rotates a prompt
  /// by its whole length, however it is cut into steps.
  std::span<const int64_t> prompt_lengths = {};

  int64_t rows() const { return static_cast<int64_t>(tokens.size()); }
};

/// The key/value cache of all layers. A page of a sequence holds ops::kPageTokens positions of
/// every layer, layers one after the other.
struct CacheView {
  std::byte* base = nullptr;
  DType dtype = DType::kBF16;
  int64_t layers = 0;
  int64_t kv_heads = 0;
  int64_t head_dim = 0;

  uint64_t page_bytes() const {
    return static_cast<uint64_t>(layers) * ops::KvLayerView::PageBytes(dtype, kv_heads, head_dim);
  }
  ops::KvLayerView Layer(int64_t layer) const {
    const uint64_t one = ops::KvLayerView::PageBytes(dtype, kv_heads, head_dim);
    return {base + static_cast<uint64_t>(layer) * one, page_bytes(), dtype, kv_heads, head_dim};
  }
};

/// Sees activations as they are made: ("embedding", -1), ("layer", n) after both residual sums of
/// layer n, ("final_norm", -1). rows × hidden_size.
using Observer = std::function<void(std::string_view what, int64_t layer, ConstMatrix values)>;

}  // namespace hyprstream::model
