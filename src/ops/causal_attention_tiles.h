// How causal attention over whole sequences is cut: tasks (a sequence's key/value head), tiles of
// query rows, blocks of keys. Private to that operation.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>

#include "kernels/cpu/gradient_kernels.h"
#include "ops/causal_attention.h"

namespace hyprstream::ops {

inline constexpr int64_t kCausalKeys = 64;  // in one block
inline constexpr int64_t kCausalRows = 64;  // query rows (tokens × heads of the group) in one tile

/// One key/value head of one sequence. Positions below count from the sequence's first row.
struct CausalTask {
  RowRange rows;
  int64_t kv_head;

  int64_t tokens() const { return rows.end - rows.begin; }
};

/// Query tokens [begin, end), all heads of the group: row (t − begin) · group + h.
struct CausalTile {
  int64_t begin;
  int64_t end;
  int64_t group;

  int64_t rows() const { return (end - begin) * group; }
  int64_t token(int64_t row) const { return begin + row / group; }
};

class CausalPlan {
 public:
  explicit CausalPlan(const CausalAttentionInput& input)
      : input_(input), group_(input.heads() / input.kv_heads()) {
    for (const RowRange& rows : input.sequences) {
      longest_ = std::max(longest_, rows.end - rows.begin);
    }
  }

  int64_t group() const { return group_; }
  int64_t tile_tokens() const { return std::max<int64_t>(kCausalRows / group_, 1); }
  int64_t tile_rows() const { return tile_tokens() * group_; }
  /// Floats of the packed keys of one head of the longest sequence.
  int64_t packed_floats() const {
    return (longest_ + kCausalKeys - 1) / kCausalKeys * kCausalKeys * input_.head_dim;
  }

  /// Calls body(task, thread) for every task, each by one thread.
  template <typename Body>
  void ForTasks(Context& context, Body&& body) const {
    const int64_t kv_heads = input_.kv_heads();
    const int64_t count = static_cast<int64_t>(input_.sequences.size()) * kv_heads;
    std::atomic<int64_t> next{0};
    context.pool.Run([&](int thread) {
      while (true) {
        const int64_t i = next.fetch_add(1, std::memory_order_relaxed);
        if (i >= count) return;
        const CausalTask task{input_.sequences[static_cast<size_t>(i / kv_heads)], i % kv_heads};
        if (task.tokens() > 0) body(task, thread);
      }
    });
  }

  template <typename Body>
  void ForTiles(const CausalTask& task, Body&& body) const {
    for (int64_t begin = 0; begin < task.tokens(); begin += tile_tokens()) {
      body(CausalTile{begin, std::min(begin + tile_tokens(), task.tokens()), group_});
    }
  }

  /// Calls body(first key, keys) for the blocks of which a row of the tile sees something.
  template <typename Body>
  void ForBlocks(const CausalTile& tile, Body&& body) const {
    for (int64_t key = FirstKey(tile.begin) / kCausalKeys * kCausalKeys; key < tile.end;
         key += kCausalKeys) {
      body(key, std::min(kCausalKeys, tile.end - key));
    }
  }

  /// What the query at `token` sees of the block at `key`; begin = end when nothing.
  kernels::VisibleKeys Visible(int64_t token, int64_t key) const {
    const int64_t end = std::clamp<int64_t>(token + 1 - key, 0, kCausalKeys);
    return {std::clamp<int64_t>(FirstKey(token) - key, 0, end), end, kCausalKeys};
  }

  /// Copies a tile's rows of `from` (heads beside each other) times `factor` to [rows, head_dim].
  void Gather(const CausalTask& task, const CausalTile& tile, ConstMatrix from, float factor,
              float* to) const {
    for (int64_t row = 0; row < tile.rows(); ++row) {
      const float* source = RowOf(task, tile, from.data, from.stride, row);
      float* out = to + row * input_.head_dim;
      for (int64_t i = 0; i < input_.head_dim; ++i) out[i] = source[i] * factor;
    }
  }

  /// A tile's row in a matrix of the queries' shape.
  template <typename Float>
  Float* RowOf(const CausalTask& task, const CausalTile& tile, Float* data, int64_t stride,
               int64_t row) const {
    const int64_t head = task.kv_head * group_ + row % group_;
    return data + (task.rows.begin + tile.token(row)) * stride + head * input_.head_dim;
  }

  /// Keys (or values) of the task's head as blocks [head_dim][kCausalKeys], zero beyond the end.
  void PackTransposed(const CausalTask& task, ConstMatrix from, float* packed) const;

  /// Block `key` of what PackTransposed made.
  const float* Block(const float* packed, int64_t key) const {
    return packed + key * input_.head_dim;
  }

 private:
  int64_t FirstKey(int64_t token) const {
    const int64_t window = input_.options.window;
    return window > 0 ? std::max<int64_t>(token - window + 1, 0) : 0;
  }

  const CausalAttentionInput& input_;
  int64_t group_;
  int64_t longest_ = 0;
};

inline void CausalPlan::PackTransposed(const CausalTask& task, ConstMatrix from,
                                       float* packed) const {
  const int64_t head_dim = input_.head_dim;
  for (int64_t key = 0; key < task.tokens(); key += kCausalKeys) {
    float* block = packed + key * head_dim;
    const int64_t count = std::min(kCausalKeys, task.tokens() - key);
    if (count < kCausalKeys) std::fill_n(block, head_dim * kCausalKeys, 0.0f);
    for (int64_t j = 0; j < count; ++j) {
      const float* source = from.row(task.rows.begin + key + j) + task.kv_head * head_dim;
      for (int64_t i = 0; i < head_dim; ++i) block[i * kCausalKeys + j] = source[i];
    }
  }
}

/// Errors in the program: shapes that do not fit each other.
void CheckCausalInput(const CausalAttentionInput& input);

}  // namespace hyprstream::ops
