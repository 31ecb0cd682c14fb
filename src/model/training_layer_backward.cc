#include <algorithm>

#include "model/gather_rows.h"
#include "model/segments.h"
#include "model/training_layer.h"
#include "ops/linear_gradient.h"
#include "ops/low_rank_gradient.h"
#include "ops/norm.h"
#include "ops/norm_gradient.h"
#include "ops/pointwise.h"
#include "ops/swiglu_gradient.h"

namespace hyprstream::model {
namespace {

ConstMatrix RowsOf(ConstMatrix m, int64_t begin, int64_t end) {
  return {m.row(begin), end - begin, m.cols, m.stride};
}

}  // namespace

bool TrainingLayer::WantsAny(const GradientSink& sink,
                             std::initializer_list<Module> modules) const {
  const bool experts = weights_.router.has_value();
  for (const Module module : modules) {
    const bool mlp = module >= Module::kGate;
    const int64_t count = mlp && experts ? config_.moe.experts : 1;
    for (int64_t expert = 0; expert < count; ++expert) {
      if (sink.Wants({layer_, module, expert})) return true;
    }
  }
  return false;
}

void TrainingLayer::Backward(ops::Context& context, LayerActivations& kept, Depth depth, Matrix d,
                             GradientSink& sink) const {
  // Whether anything below the MLP is wanted decides how far each part goes.
  const bool attention =
      depth == Depth::kBelow || WantsAny(sink, {Module::kQ, Module::kK, Module::kV, Module::kO});
  const Depth mlp_depth = attention ? Depth::kBelow : Depth::kLowest;
  if (weights_.router) {
    BackwardExperts(context, kept, mlp_depth, d, sink);
  } else {
    BackwardMlp(context, kept, mlp_depth, d, sink);
  }
  if (attention) BackwardAttention(context, kept, depth, d, sink);
}

void TrainingLayer::BackwardLinear(ops::Context& context, const Part& part, ConstMatrix x,
                                   std::span<const Term> terms, Matrix dx,
                                   GradientSink& sink) const {
  std::vector<ops::LinearGradientTerm> products;
  for (const Term& term : terms) {
    const ModulePlace place{layer_, term.module, part.expert};
    if (sink.Wants(place)) {
      sink.Take(context, {place, x, term.dy, part.adapters, part.batch_rows});
      context.Pause();
    }
    products.push_back({term.weight, term.dy});
  }
  if (dx.data == nullptr) return;
  ops::LinearInputGradient(context, products, dx);
  context.Pause();
  const ModuleSegments segments(context.scratch, part.adapters, layer_, part.expert);
  for (const Term& term : terms) {
    for (const ops::AdapterSegment& segment : segments.For(term.module)) {
      const int64_t begin = segment.row_begin;
      const int64_t end = segment.row_end;
      ops::LowRankGradient(context, RowsOf(x, begin, end), RowsOf(term.dy, begin, end),
                           segment.view, segment.scale, {}, {}, dx.Rows(begin, end - begin));
    }
  }
}

void TrainingLayer::BackwardSwiGlu(ops::Context& context, const MlpWeights& weights,
                                   const Part& part, ConstMatrix h, Matrix gate, Matrix up,
                                   ConstMatrix dy, Matrix dh, GradientSink& sink) const {
  Matrix activated = context.scratch.AllocateMatrix(gate.rows, gate.cols);
  ops::SwiGlu(context, gate, up, activated);
  const bool inner = dh.data != nullptr || sink.Wants({layer_, Module::kGate, part.expert}) ||
                     sink.Wants({layer_, Module::kUp, part.expert});
  Matrix dactivated = inner ? context.scratch.AllocateMatrix(gate.rows, gate.cols) : Matrix{};
  const Term down{&weights.down, Module::kDown, dy};
  BackwardLinear(context, part, activated, {&down, 1}, dactivated, sink);
  if (!inner) return;
  ops::SwiGluGradient(context, gate, up, dactivated, gate, up);
  const Term both[] = {{&weights.gate, Module::kGate, gate}, {&weights.up, Module::kUp, up}};
  BackwardLinear(context, part, h, both, dh, sink);
}

void TrainingLayer::BackwardMlp(ops::Context& context, LayerActivations& kept, Depth depth,
                                Matrix d, GradientSink& sink) const {
  const ops::Scratch::Frame frame(context.scratch);
  const Matrix h = MlpInput(context, kept);
  Matrix dh = depth == Depth::kBelow
                  ? context.scratch.AllocateMatrix(step_.rows, config_.hidden_size)
                  : Matrix{};
  BackwardSwiGlu(context, weights_.mlp.front(), WholeBatch(), h, kept.gate, kept.up, d, dh, sink);
  if (depth == Depth::kLowest) return;
  ops::RmsNormGradient(context, kept.middle, weights_.mlp_norm, config_.rms_norm_eps, dh, d);
}

// The router's probabilities and choice are constants: gradient flows through the experts' results
// and their input.
void TrainingLayer::BackwardExperts(ops::Context& context, LayerActivations& kept, Depth depth,
                                    Matrix d, GradientSink& sink) const {
  const ops::Scratch::Frame frame(context.scratch);
  const Matrix h = MlpInput(context, kept);
  Matrix dh = context.scratch.AllocateMatrix(step_.rows, config_.hidden_size);
  std::fill_n(dh.data, dh.rows * dh.cols, 0.0f);
  for (size_t i = 0; i < kept.experts.size(); ++i) {
    const LayerActivations::Expert& expert = kept.experts[i];
    const std::vector<int32_t>& rows = expert.routed.rows;
    if (rows.empty()) continue;
    const ops::Scratch::Frame expert_frame(context.scratch);
    const std::vector<AdapterUse> uses = SelectRows(step_.adapters, rows);
    const Part part{.expert = static_cast<int64_t>(i), .adapters = uses, .batch_rows = rows};
    const Matrix input = GatherRows(context.scratch, h, rows);
    const Matrix dy = GatherRows(context.scratch, d, rows);
    for (int64_t row = 0; row < dy.rows; ++row) {
      const float scale = expert.routed.scale[static_cast<size_t>(row)];
      for (int64_t c = 0; c < dy.cols; ++c) dy.row(row)[c] *= scale;
    }
    Matrix dinput =
        depth == Depth::kBelow ? context.scratch.AllocateMatrix(input.rows, input.cols) : Matrix{};
    BackwardSwiGlu(context, weights_.mlp[i], part, input, expert.gate, expert.up, dy, dinput, sink);
    if (depth == Depth::kLowest) continue;
    const std::vector<float> ones(rows.size(), 1.0f);
    ops::ScatterAdd(context, dh, dinput, rows, ones);
  }
  if (depth == Depth::kLowest) return;
  ops::RmsNormGradient(context, kept.middle, weights_.mlp_norm, config_.rms_norm_eps, dh, d);
}

void TrainingLayer::BackwardAttention(ops::Context& context, const LayerActivations& kept,
                                      Depth depth, Matrix d, GradientSink& sink) const {
  const ops::Scratch::Frame frame(context.scratch);
  const bool inner = depth == Depth::kBelow || WantsAny(sink, {Module::kQ, Module::kK, Module::kV});
  Matrix dattended =
      inner ? context.scratch.AllocateMatrix(step_.rows, kept.attended.cols) : Matrix{};
  const Term output{&weights_.attention.o, Module::kO, d};
  BackwardLinear(context, WholeBatch(), kept.attended, {&output, 1}, dattended, sink);
  if (inner) BackwardQkv(context, kept, dattended, depth, d, sink);
}

void TrainingLayer::BackwardQkv(ops::Context& context, const LayerActivations& kept,
                                Matrix dattended, Depth depth, Matrix d, GradientSink& sink) const {
  const AttentionWeights& weights = weights_.attention;
  Matrix dk = context.scratch.AllocateMatrix(step_.rows, kept.k.cols);
  Matrix dv = context.scratch.AllocateMatrix(step_.rows, kept.v.cols);
  const Matrix dq = dattended;
  {
    const ops::Scratch::Frame frame(context.scratch);
    const Rotated heads = RotatedHeads(context, kept);
    ops::CausalAttentionGradient(context, AttentionInput(heads, kept.v),
                                 {kept.attended, kept.log_sum, dattended}, dq, dk, dv);
    context.Pause();
    ops::Rope(context, dq, config_.head_dim, step_.opposite_rope);
    ops::Rope(context, dk, config_.head_dim, step_.opposite_rope);
  }
  if (config_.qk_norm) {
    ops::RmsNormHeadsGradient(context, kept.q, weights.q_norm, config_.rms_norm_eps, dq);
    ops::RmsNormHeadsGradient(context, kept.k, weights.k_norm, config_.rms_norm_eps, dk);
  }
  Matrix h = context.scratch.AllocateMatrix(step_.rows, config_.hidden_size);
  ops::RmsNorm(context, kept.input, weights.norm, config_.rms_norm_eps, h);
  Matrix dh = depth == Depth::kBelow
                  ? context.scratch.AllocateMatrix(step_.rows, config_.hidden_size)
                  : Matrix{};
  const Term terms[] = {
      {&weights.q, Module::kQ, dq}, {&weights.k, Module::kK, dk}, {&weights.v, Module::kV, dv}};
  BackwardLinear(context, WholeBatch(), h, terms, dh, sink);
  if (depth == Depth::kLowest) return;
  ops::RmsNormGradient(context, kept.input, weights.norm, config_.rms_norm_eps, dh, d);
}

}  // namespace hyprstream::model
