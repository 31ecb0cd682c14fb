#include "ops/causal_attention.h"

#include <cmath>
#include <limits>
#include <utility>

#include "ops/causal_attention_tiles.h"

namespace hyprstream::ops {
namespace {

class ForwardRun {
 public:
  ForwardRun(Context& context, const CausalAttentionInput& input, Matrix out, Matrix log_sum)
      : context_(context),
        kernel_(kernels::GradientKernelsFor(context.isa)),
        input_(input),
        plan_(input),
        out_(out),
        log_sum_(log_sum) {}

  void Run() {
    const int64_t rows = plan_.tile_rows();
    const int64_t floats = plan_.packed_floats() + rows * (2 * input_.head_dim + kCausalKeys + 2);
    const std::span<float> memory =
        context_.scratch.Allocate<float>(floats * context_.pool.threads());
    plan_.ForTasks(context_, [&](const CausalTask& task, int thread) {
      float* at = memory.data() + thread * floats;
      const auto take = [&](int64_t count) { return std::exchange(at, at + count); };
      const Workspace work{.keys = take(plan_.packed_floats()),
                           .queries = take(rows * input_.head_dim),
                           .values = take(rows * input_.head_dim),
                           .scores = take(rows * kCausalKeys),
                           .largest = take(rows),
                           .sum = take(rows)};
      plan_.PackTransposed(task, input_.k, work.keys);
      plan_.ForTiles(task, [&](const CausalTile& tile) { RunTile(task, tile, work); });
    });
  }

 private:
  struct Workspace {
    float* keys;     // blocks [head_dim][kCausalKeys]
    float* queries;  // [rows, head_dim], scaled
    float* values;   // [rows, head_dim] Σ e^(score − largest) · value
    float* scores;   // [rows, kCausalKeys]
    float* largest;  // [rows]
    float* sum;      // [rows]
  };

  void RunTile(const CausalTask& task, const CausalTile& tile, const Workspace& work) const {
    const int64_t head_dim = input_.head_dim;
    const int64_t rows = tile.rows();
    plan_.Gather(task, tile, input_.q, input_.options.scale, work.queries);
    std::fill_n(work.values, rows * head_dim, 0.0f);
    std::fill_n(work.largest, rows, -std::numeric_limits<float>::infinity());
    std::fill_n(work.sum, rows, 0.0f);
    plan_.ForBlocks(tile,
                    [&](int64_t key, int64_t count) { RunBlock(task, tile, work, key, count); });
    for (int64_t row = 0; row < rows; ++row) {
      float* out = plan_.RowOf(task, tile, out_.data, out_.stride, row);
      const float inverse = 1.0f / work.sum[row];
      for (int64_t i = 0; i < head_dim; ++i) out[i] = work.values[row * head_dim + i] * inverse;
      const int64_t head = task.kv_head * plan_.group() + row % plan_.group();
      log_sum_.row(task.rows.begin + tile.token(row))[head] =
          work.largest[row] + std::log(work.sum[row]);
    }
  }

  void RunBlock(const CausalTask& task, const CausalTile& tile, const Workspace& work, int64_t key,
                int64_t count) const {
    const int64_t head_dim = input_.head_dim;
    const int64_t rows = tile.rows();
    std::fill_n(work.scores, rows * kCausalKeys, 0.0f);
    kernel_.accumulate({.z = work.queries,
                        .z_row = head_dim,
                        .z_col = 1,
                        .b = plan_.Block(work.keys, key),
                        .b_stride = kCausalKeys,
                        .rows = rows,
                        .depth = head_dim,
                        .cols = kCausalKeys,
                        .y = work.scores,
                        .y_stride = kCausalKeys});
    for (int64_t row = 0; row < rows; ++row) {
      float* scores = work.scores + row * kCausalKeys;
      const kernels::VisibleKeys visible = plan_.Visible(tile.token(row), key);
      if (visible.begin >= visible.end) {
        std::fill_n(scores, kCausalKeys, 0.0f);
        continue;
      }
      const float rescale =
          kernel_.advance_softmax(scores, visible, work.largest + row, work.sum + row);
      if (rescale == 1.0f) continue;
      for (int64_t i = 0; i < head_dim; ++i) work.values[row * head_dim + i] *= rescale;
    }
    kernel_.accumulate({.z = work.scores,
                        .z_row = kCausalKeys,
                        .z_col = 1,
                        .b = input_.v.row(task.rows.begin + key) + task.kv_head * head_dim,
                        .b_stride = input_.v.stride,
                        .rows = rows,
                        .depth = count,
                        .cols = head_dim,
                        .y = work.values,
                        .y_stride = head_dim});
  }

  Context& context_;
  const kernels::GradientKernels& kernel_;
  const CausalAttentionInput& input_;
  const CausalPlan plan_;
  Matrix out_;
  Matrix log_sum_;
};

}  // namespace

void CheckCausalInput(const CausalAttentionInput& input) {
  HYPR_CHECK(input.head_dim > 0 && input.options.scale > 0 && input.options.window >= 0);
  HYPR_CHECK(input.k.cols > 0 && input.k.cols % input.head_dim == 0);
  HYPR_CHECK(input.q.cols > 0 && input.q.cols % input.k.cols == 0);
  HYPR_CHECK(input.v.cols == input.k.cols);
  HYPR_CHECK(input.k.rows == input.q.rows && input.v.rows == input.q.rows);
  for (const RowRange& rows : input.sequences) {
    HYPR_CHECK(rows.begin >= 0 && rows.begin <= rows.end && rows.end <= input.q.rows);
  }
}

void CausalAttention(Context& context, const CausalAttentionInput& input, Matrix out,
                     Matrix log_sum) {
  CheckCausalInput(input);
  HYPR_CHECK(out.rows == input.q.rows && out.cols == input.q.cols);
  HYPR_CHECK(log_sum.rows == input.q.rows && log_sum.cols == input.heads());
  const Scratch::Frame frame(context.scratch);
  ForwardRun(context, input, out, log_sum).Run();
}

}  // namespace hyprstream::ops
