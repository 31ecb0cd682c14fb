#include <utility>

#include "ops/causal_attention.h"
#include "ops/causal_attention_tiles.h"

namespace hyprstream::ops {
namespace {

// With P the probabilities, D = rowsum(dO ∘ O): dV = Pᵀ dO, dS = P ∘ (dO Vᵀ − D), dQ = scale·dS K,
// dK = dSᵀ (scale·Q).
class BackwardRun {
 public:
  BackwardRun(Context& context, const CausalAttentionInput& input,
              const CausalAttentionResult& result, Matrix dq, Matrix dk, Matrix dv)
      : context_(context),
        kernel_(kernels::GradientKernelsFor(context.isa)),
        input_(input),
        result_(result),
        plan_(input),
        dq_(dq),
        dk_(dk),
        dv_(dv) {}

  void Run() {
    const int64_t rows = plan_.tile_rows();
    const int64_t head_dim = input_.head_dim;
    const int64_t floats = 2 * plan_.packed_floats() + rows * (3 * head_dim + 2 * kCausalKeys + 2);
    const std::span<float> memory =
        context_.scratch.Allocate<float>(floats * context_.pool.threads());
    plan_.ForTasks(context_, [&](const CausalTask& task, int thread) {
      float* at = memory.data() + thread * floats;
      const auto take = [&](int64_t count) { return std::exchange(at, at + count); };
      const Workspace work{.keys = take(plan_.packed_floats()),
                           .values = take(plan_.packed_floats()),
                           .queries = take(rows * head_dim),
                           .dout = take(rows * head_dim),
                           .dqueries = take(rows * head_dim),
                           .scores = take(rows * kCausalKeys),
                           .dscores = take(rows * kCausalKeys),
                           .log_sum = take(rows),
                           .delta = take(rows)};
      plan_.PackTransposed(task, input_.k, work.keys);
      plan_.PackTransposed(task, input_.v, work.values);
      for (int64_t row = task.rows.begin; row < task.rows.end; ++row) {
        std::fill_n(dk_.row(row) + task.kv_head * head_dim, head_dim, 0.0f);
        std::fill_n(dv_.row(row) + task.kv_head * head_dim, head_dim, 0.0f);
      }
      plan_.ForTiles(task, [&](const CausalTile& tile) { RunTile(task, tile, work); });
    });
  }

 private:
  struct Workspace {
    float* keys;      // blocks [head_dim][kCausalKeys]
    float* values;    // the same
    float* queries;   // [rows, head_dim], scaled
    float* dout;      // [rows, head_dim]
    float* dqueries;  // [rows, head_dim], without the scale
    float* scores;    // [rows, kCausalKeys]: scores, then P
    float* dscores;   // [rows, kCausalKeys]: dO Vᵀ, then dS
    float* log_sum;   // [rows]
    float* delta;     // [rows]: D
  };

  void RunTile(const CausalTask& task, const CausalTile& tile, const Workspace& work) const {
    const int64_t head_dim = input_.head_dim;
    plan_.Gather(task, tile, input_.q, input_.options.scale, work.queries);
    plan_.Gather(task, tile, result_.dout, 1.0f, work.dout);
    std::fill_n(work.dqueries, tile.rows() * head_dim, 0.0f);
    for (int64_t row = 0; row < tile.rows(); ++row) {
      const float* out = plan_.RowOf(task, tile, result_.out.data, result_.out.stride, row);
      const int64_t head = task.kv_head * plan_.group() + row % plan_.group();
      work.delta[row] = kernel_.dot(work.dout + row * head_dim, out, head_dim);
      work.log_sum[row] = result_.log_sum.row(task.rows.begin + tile.token(row))[head];
    }
    plan_.ForBlocks(tile, [&](int64_t key, int64_t count) {
      ScoreBlock(tile, work, key);
      AccumulateBlock(task, tile, work, key, count);
    });
    for (int64_t row = 0; row < tile.rows(); ++row) {
      float* dq = plan_.RowOf(task, tile, dq_.data, dq_.stride, row);
      for (int64_t i = 0; i < head_dim; ++i) {
        dq[i] = work.dqueries[row * head_dim + i] * input_.options.scale;
      }
    }
  }

  // P and dS of one block.
  void ScoreBlock(const CausalTile& tile, const Workspace& work, int64_t key) const {
    const auto multiply = [&](const float* rows, const float* packed, float* y) {
      std::fill_n(y, tile.rows() * kCausalKeys, 0.0f);
      kernel_.accumulate({.z = rows,
                          .z_row = input_.head_dim,
                          .z_col = 1,
                          .b = plan_.Block(packed, key),
                          .b_stride = kCausalKeys,
                          .rows = tile.rows(),
                          .depth = input_.head_dim,
                          .cols = kCausalKeys,
                          .y = y,
                          .y_stride = kCausalKeys});
    };
    multiply(work.queries, work.keys, work.scores);
    multiply(work.dout, work.values, work.dscores);
    for (int64_t row = 0; row < tile.rows(); ++row) {
      kernel_.softmax_gradient(work.scores + row * kCausalKeys, work.dscores + row * kCausalKeys,
                               plan_.Visible(tile.token(row), key), work.log_sum[row],
                               work.delta[row]);
    }
  }

  void AccumulateBlock(const CausalTask& task, const CausalTile& tile, const Workspace& work,
                       int64_t key, int64_t count) const {
    const int64_t head_dim = input_.head_dim;
    const int64_t first = task.rows.begin + key;
    const int64_t column = task.kv_head * head_dim;
    kernel_.accumulate({.z = work.dscores,
                        .z_row = kCausalKeys,
                        .z_col = 1,
                        .b = input_.k.row(first) + column,
                        .b_stride = input_.k.stride,
                        .rows = tile.rows(),
                        .depth = count,
                        .cols = head_dim,
                        .y = work.dqueries,
                        .y_stride = head_dim});
    const auto accumulate_keys = [&](const float* z, const float* rows, Matrix y) {
      kernel_.accumulate({.z = z,
                          .z_row = 1,
                          .z_col = kCausalKeys,
                          .b = rows,
                          .b_stride = head_dim,
                          .rows = count,
                          .depth = tile.rows(),
                          .cols = head_dim,
                          .y = y.row(first) + column,
                          .y_stride = y.stride});
    };
    accumulate_keys(work.dscores, work.queries, dk_);
    accumulate_keys(work.scores, work.dout, dv_);
  }

  Context& context_;
  const kernels::GradientKernels& kernel_;
  const CausalAttentionInput& input_;
  const CausalAttentionResult& result_;
  const CausalPlan plan_;
  Matrix dq_;
  Matrix dk_;
  Matrix dv_;
};

}  // namespace

void CausalAttentionGradient(Context& context, const CausalAttentionInput& input,
                             const CausalAttentionResult& result, Matrix dq, Matrix dk, Matrix dv) {
  CheckCausalInput(input);
  for (const ConstMatrix& m : {result.out, result.dout, ConstMatrix(dq)}) {
    HYPR_CHECK(m.rows == input.q.rows && m.cols == input.q.cols);
  }
  for (const Matrix& m : {dk, dv}) {
    HYPR_CHECK(m.rows == input.k.rows && m.cols == input.k.cols);
  }
  HYPR_CHECK(result.log_sum.rows == input.q.rows && result.log_sum.cols == input.heads());
  const Scratch::Frame frame(context.scratch);
  BackwardRun(context, input, result, dq, dk, dv).Run();
}

}  // namespace hyprstream::ops
