#include "model/training_layer.h"

#include <algorithm>
#include <cmath>

#include "model/gather_rows.h"
#include "model/segments.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "ops/pointwise.h"

namespace hyprstream::model {
namespace {

void Copy(ConstMatrix from, Matrix to) {
  for (int64_t row = 0; row < from.rows; ++row) std::copy_n(from.row(row), from.cols, to.row(row));
}

}  // namespace

int64_t TrainingLayer::ActivationFloats() const {
  const int64_t heads = config_.num_attention_heads;
  const int64_t kv_heads = config_.num_key_value_heads;
  const int64_t attention = 2 * (heads + kv_heads) * config_.head_dim + heads;
  const int64_t mlp = weights_.router
                          ? config_.moe.experts_per_token * config_.moe.intermediate_size
                          : config_.intermediate_size;
  // Every matrix begins on a cache line of its own.
  const int64_t matrices = 6 + 2 * static_cast<int64_t>(weights_.mlp.size());
  return step_.rows * (attention + config_.hidden_size + 2 * mlp) +
         matrices * static_cast<int64_t>(AlignedBuffer::kAlignment / sizeof(float));
}

LayerActivations TrainingLayer::Allocate(ops::Scratch& memory, Matrix input) const {
  const int64_t rows = step_.rows;
  const int64_t queries = config_.num_attention_heads * config_.head_dim;
  const int64_t keys = config_.num_key_value_heads * config_.head_dim;
  LayerActivations kept{.input = input,
                        .q = memory.AllocateMatrix(rows, queries),
                        .k = memory.AllocateMatrix(rows, keys),
                        .v = memory.AllocateMatrix(rows, keys),
                        .attended = memory.AllocateMatrix(rows, queries),
                        .log_sum = memory.AllocateMatrix(rows, config_.num_attention_heads),
                        .middle = memory.AllocateMatrix(rows, config_.hidden_size)};
  if (!weights_.router) {
    kept.gate = memory.AllocateMatrix(rows, config_.intermediate_size);
    kept.up = memory.AllocateMatrix(rows, config_.intermediate_size);
  }
  return kept;
}

void TrainingLayer::Forward(ops::Context& context, ops::Scratch& memory, LayerActivations& kept,
                            Matrix out) const {
  ForwardAttention(context, kept);
  if (weights_.router) {
    ForwardExperts(context, memory, kept, out);
  } else {
    ForwardMlp(context, kept, out);
  }
}

TrainingLayer::Rotated TrainingLayer::RotatedHeads(ops::Context& context,
                                                   const LayerActivations& kept) const {
  if (!config_.qk_norm) return {kept.q, kept.k};
  const auto rotated = [&](ConstMatrix raw, std::span<const float> weight) {
    Matrix x = context.scratch.AllocateMatrix(raw.rows, raw.cols);
    Copy(raw, x);
    ops::RmsNormHeads(context, x, weight, config_.rms_norm_eps);
    ops::Rope(context, x, config_.head_dim, step_.rope);
    return x;
  };
  const Matrix q = rotated(kept.q, weights_.attention.q_norm);
  return {q, rotated(kept.k, weights_.attention.k_norm)};
}

ops::CausalAttentionInput TrainingLayer::AttentionInput(Rotated heads, ConstMatrix v) const {
  return {.q = heads.q,
          .k = heads.k,
          .v = v,
          .head_dim = config_.head_dim,
          .sequences = step_.sequences,
          .options = {.scale = 1.0f / std::sqrt(static_cast<float>(config_.head_dim)),
                      .window = config_.window[static_cast<size_t>(layer_)]}};
}

// middle = input + o_proj(attention(norm(input)))
void TrainingLayer::ForwardAttention(ops::Context& context, LayerActivations& kept) const {
  const ops::Scratch::Frame frame(context.scratch);
  const AttentionWeights& weights = weights_.attention;
  const ModuleSegments segments(context.scratch, step_.adapters, layer_);
  Matrix h = context.scratch.AllocateMatrix(step_.rows, config_.hidden_size);
  ops::RmsNorm(context, kept.input, weights.norm, config_.rms_norm_eps, h);
  const ops::LinearCall qkv[] = {{&weights.q, kept.q, segments.For(Module::kQ)},
                                 {&weights.k, kept.k, segments.For(Module::kK)},
                                 {&weights.v, kept.v, segments.For(Module::kV)}};
  ops::Linear(context, h, qkv);
  context.Pause();
  if (!config_.qk_norm) {
    ops::Rope(context, kept.q, config_.head_dim, step_.rope);
    ops::Rope(context, kept.k, config_.head_dim, step_.rope);
  }
  const Rotated heads = RotatedHeads(context, kept);
  ops::CausalAttention(context, AttentionInput(heads, kept.v), kept.attended, kept.log_sum);
  context.Pause();
  const ops::LinearCall output{&weights.o, kept.middle, segments.For(Module::kO)};
  ops::Linear(context, kept.attended, {&output, 1});
  ops::AddInPlace(context, kept.middle, kept.input);
}

void TrainingLayer::GateUp(ops::Context& context, const MlpWeights& weights, const Part& part,
                           ConstMatrix h, Matrix gate, Matrix up) const {
  const ModuleSegments segments(context.scratch, part.adapters, layer_, part.expert);
  const ops::LinearCall both[] = {{&weights.gate, gate, segments.For(Module::kGate)},
                                  {&weights.up, up, segments.For(Module::kUp)}};
  ops::Linear(context, h, both);
  context.Pause();
}

void TrainingLayer::Down(ops::Context& context, const MlpWeights& weights, const Part& part,
                         ConstMatrix gate, ConstMatrix up, Matrix y) const {
  const ModuleSegments segments(context.scratch, part.adapters, layer_, part.expert);
  Matrix activated = context.scratch.AllocateMatrix(gate.rows, gate.cols);
  ops::SwiGlu(context, gate, up, activated);
  const ops::LinearCall down{&weights.down, y, segments.For(Module::kDown)};
  ops::Linear(context, activated, {&down, 1});
  context.Pause();
}

Matrix TrainingLayer::MlpInput(ops::Context& context, const LayerActivations& kept) const {
  Matrix h = context.scratch.AllocateMatrix(step_.rows, config_.hidden_size);
  ops::RmsNorm(context, kept.middle, weights_.mlp_norm, config_.rms_norm_eps, h);
  return h;
}

// out = middle + mlp(norm(middle))
void TrainingLayer::ForwardMlp(ops::Context& context, LayerActivations& kept, Matrix out) const {
  const ops::Scratch::Frame frame(context.scratch);
  const Matrix h = MlpInput(context, kept);
  GateUp(context, weights_.mlp.front(), WholeBatch(), h, kept.gate, kept.up);
  if (out.data == nullptr) return;
  Down(context, weights_.mlp.front(), WholeBatch(), kept.gate, kept.up, out);
  ops::AddInPlace(context, out, kept.middle);
}

void TrainingLayer::ForwardExperts(ops::Context& context, ops::Scratch& memory,
                                   LayerActivations& kept, Matrix out) const {
  std::vector<ExpertRows> routed;
  {
    const ops::Scratch::Frame frame(context.scratch);
    routed = RouteExperts(context, *weights_.router, config_.moe, MlpInput(context, kept));
  }
  // May be the same scratch as the temporary matrices': outside of every frame.
  kept.experts.clear();
  for (ExpertRows& rows : routed) {
    const auto count = static_cast<int64_t>(rows.rows.size());
    const Matrix gate = memory.AllocateMatrix(count, config_.moe.intermediate_size);
    const Matrix up = memory.AllocateMatrix(count, config_.moe.intermediate_size);
    kept.experts.push_back({.routed = std::move(rows), .gate = gate, .up = up});
  }
  const ops::Scratch::Frame frame(context.scratch);
  const Matrix h = MlpInput(context, kept);
  if (out.data != nullptr) Copy(kept.middle, out);
  for (size_t i = 0; i < kept.experts.size(); ++i) {
    const LayerActivations::Expert& expert = kept.experts[i];
    if (expert.routed.rows.empty()) continue;
    const ops::Scratch::Frame expert_frame(context.scratch);
    const std::vector<AdapterUse> uses = SelectRows(step_.adapters, expert.routed.rows);
    const Part part{.expert = static_cast<int64_t>(i), .adapters = uses};
    const Matrix input = GatherRows(context.scratch, h, expert.routed.rows);
    GateUp(context, weights_.mlp[i], part, input, expert.gate, expert.up);
    if (out.data == nullptr) continue;
    Matrix y = context.scratch.AllocateMatrix(input.rows, input.cols);
    Down(context, weights_.mlp[i], part, expert.gate, expert.up, y);
    ops::ScatterAdd(context, out, y, expert.routed.rows, expert.routed.scale);
  }
}

}  // namespace hyprstream::model
