// The two kinds of feed-forward block: SwiGLU, and a mixture of experts that are SwiGLU each.
#pragma once

#include <span>
#include <vector>

#include "model/batch.h"
#include "model/config.h"
#include "model/segments.h"
#include "model/weights.h"

namespace hyprstream::model {

/// y = down(silu(gate(h)) ∘ up(h)). h, y: [rows, hidden].
void FeedForward(ops::Context& context, const MlpWeights& weights, const ModuleSegments& adapters,
                 ConstMatrix h, Matrix y);

/// The rows that an expert gets, and with what weight each.
struct ExpertRows {
  std::vector<int32_t> rows;  // ascending
  std::vector<float> scale;
};

/// For every expert. h: [rows, hidden]. Takes memory of context.scratch.
std::vector<ExpertRows> RouteExperts(ops::Context& context, const ops::LinearWeight& router,
                                     const MoeConfig& config, ConstMatrix h);

/// x += Σ over the chosen experts of weight · expert(h). Softmax over all experts comes before the
/// choice; a row adds its experts in ascending order of their number, so its bits do not depend on
/// the other rows.
void MixtureOfExperts(ops::Context& context, const LayerWeights& weights, const MoeConfig& config,
                      std::span<const AdapterUse> adapters, int64_t layer, ConstMatrix h, Matrix x);

}  // namespace hyprstream::model
