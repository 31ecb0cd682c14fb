#include "model/feed_forward.h"

#include <algorithm>
#include <vector>

#include "ops/pointwise.h"

namespace hyprstream::model {
std::vector<ExpertRows> RouteExperts(ops::Context& context, const ops::LinearWeight& router,
                                     const MoeConfig& config, ConstMatrix h) {
  Matrix probabilities = context.scratch.AllocateMatrix(h.rows, config.experts);
  const ops::LinearCall call{&router, probabilities, {}};
  ops::Linear(context, h, {&call, 1});
  ops::SoftmaxRows(context, probabilities);

  std::vector<ExpertRows> experts(static_cast<size_t>(config.experts));
  std::vector<ops::TopK> chosen(static_cast<size_t>(config.experts_per_token));
  for (int64_t row = 0; row < h.rows; ++row) {
    ops::SelectTopK({probabilities.row(row), static_cast<size_t>(config.experts)}, chosen);
    float sum = 0.0f;
    for (const ops::TopK& choice : chosen) sum += choice.value;
    for (const ops::TopK& choice : chosen) {
      ExpertRows& expert = experts[static_cast<size_t>(choice.index)];
      expert.rows.push_back(static_cast<int32_t>(row));
      expert.scale.push_back(config.norm_topk_prob ? choice.value / sum : choice.value);
    }
  }
  return experts;
}

void FeedForward(ops::Context& context, const MlpWeights& weights, const ModuleSegments& adapters,
                 ConstMatrix h, Matrix y) {
  const ops::Scratch::Frame frame(context.scratch);
  const int64_t width = weights.gate.out_features();
  Matrix gate = context.scratch.AllocateMatrix(h.rows, width);
  Matrix up = context.scratch.AllocateMatrix(h.rows, width);
  const ops::LinearCall both[] = {{&weights.gate, gate, adapters.For(Module::kGate)},
                                  {&weights.up, up, adapters.For(Module::kUp)}};
  ops::Linear(context, h, both);
  ops::SwiGlu(context, gate, up, gate);
  const ops::LinearCall down{&weights.down, y, adapters.For(Module::kDown)};
  ops::Linear(context, gate, {&down, 1});
}

void MixtureOfExperts(ops::Context& context, const LayerWeights& weights, const MoeConfig& config,
                      std::span<const AdapterUse> adapters, int64_t layer, ConstMatrix h,
                      Matrix x) {
  const ops::Scratch::Frame frame(context.scratch);
  const std::vector<ExpertRows> experts = RouteExperts(context, *weights.router, config, h);
  for (size_t expert = 0; expert < experts.size(); ++expert) {
    const ExpertRows& mine = experts[expert];
    if (mine.rows.empty()) continue;
    const ops::Scratch::Frame expert_frame(context.scratch);
    const auto count = static_cast<int64_t>(mine.rows.size());
    Matrix input = context.scratch.AllocateMatrix(count, h.cols);
    for (int64_t i = 0; i < count; ++i) {
      std::copy_n(h.row(mine.rows[static_cast<size_t>(i)]), h.cols, input.row(i));
    }
    Matrix output = context.scratch.AllocateMatrix(count, h.cols);
    const std::vector<AdapterUse> uses = SelectRows(adapters, mine.rows);
    const ModuleSegments segments(context.scratch, uses, layer, static_cast<int64_t>(expert));
    FeedForward(context, weights.mlp[expert], segments, input, output);
    ops::ScatterAdd(context, x, output, mine.rows, mine.scale);
  }
}

}  // namespace hyprstream::model
