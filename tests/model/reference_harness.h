// A loaded decoder as the reference model: weights widened to double, an adapter's factors in T.
#pragma once

#include "model/decoder.h"
#include "model/gradient_harness.h"
#include "ops/linear_weight.h"
#include "support/reference/model.h"
#include "tensor/dequantize.h"

namespace hyprstream::testing {

inline reference::Grid<double> WideGrid(std::span<const float> values, int64_t rows, int64_t cols) {
  reference::Grid<double> grid(rows, cols);
  std::ranges::copy(values, grid.data.begin());
  return grid;
}

inline reference::Grid<double> WideGrid(const TensorView& view) {
  const Tensor wide = DequantizeToF32(view);
  return WideGrid(wide.As<float>(), view.rows(), view.cols());
}

/// Weights must lie where the file has them (exact arithmetic).
template <typename T>
reference::Linear<T> ReferenceLinear(const ops::LinearWeight& weight, const TestAdapter& adapter,
                                     const model::ModulePlace& place) {
  reference::Linear<T> linear;
  linear.weight = WideGrid(weight.impl().view);
  linear.bias.assign(weight.impl().bias.begin(), weight.impl().bias.end());
  const auto found = adapter.factors().find(place);
  if (found == adapter.factors().end()) return linear;
  const auto& [a, b] = found->second;
  linear.scale = adapter.scale;
  linear.a = reference::Convert<T>(WideGrid(a.As<float>(), a.shape()[0], a.shape()[1]));
  const Tensor columns = Transposed(b.As<float>(), b.shape()[0], b.shape()[1]);
  linear.b = reference::Convert<T>(WideGrid(columns.As<float>(), b.shape()[1], b.shape()[0]));
  return linear;
}

template <typename T>
reference::Model<T> ReferenceModel(const model::Model& loaded, const TestAdapter& adapter) {
  const auto& decoder = dynamic_cast<const model::Decoder&>(loaded);
  const model::ModelConfig& config = decoder.config();
  const auto wide = [](std::span<const float> v) {
    return std::vector<double>(v.begin(), v.end());
  };
  reference::Model<T> reference{.embedding = WideGrid(decoder.weights().embedding),
                                .layers = {},
                                .final_norm = wide(decoder.weights().final_norm),
                                .head = WideGrid(decoder.weights().head->impl().view),
                                .inv_freq = wide(decoder.rope().inv_freq()),
                                .rope_magnitude = decoder.rope().magnitude(),
                                .eps = config.rms_norm_eps};
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const model::LayerWeights& weights = decoder.weights().layers[static_cast<size_t>(i)];
    const auto linear = [&](const ops::LinearWeight& weight, model::Module module,
                            int64_t expert = 0) {
      return ReferenceLinear<T>(weight, adapter, {i, module, expert});
    };
    using enum model::Module;
    reference::Layer<T>& layer = reference.layers.emplace_back();
    layer.norm = wide(weights.attention.norm);
    layer.q = linear(weights.attention.q, kQ);
    layer.k = linear(weights.attention.k, kK);
    layer.v = linear(weights.attention.v, kV);
    layer.o = linear(weights.attention.o, kO);
    layer.q_norm = wide(weights.attention.q_norm);
    layer.k_norm = wide(weights.attention.k_norm);
    layer.attention = {.head_dim = config.head_dim,
                       .scale = 1.0 / std::sqrt(static_cast<double>(config.head_dim)),
                       .window = config.window[static_cast<size_t>(i)]};
    layer.mlp_norm = wide(weights.mlp_norm);
    if (weights.router) layer.router = WideGrid(weights.router->impl().view);
    layer.experts_per_token = config.moe.experts_per_token;
    layer.norm_topk = config.moe.norm_topk_prob;
    for (size_t e = 0; e < weights.mlp.size(); ++e) {
      const auto expert = static_cast<int64_t>(e);
      layer.mlp.push_back({linear(weights.mlp[e].gate, kGate, expert),
                           linear(weights.mlp[e].up, kUp, expert),
                           linear(weights.mlp[e].down, kDown, expert)});
    }
  }
  return reference;
}

/// Under which the reference keeps a place's gradients.
inline std::string ReferenceName(const model::Model& loaded, const model::ModulePlace& place) {
  const model::ModelConfig& config = loaded.config();
  const bool expert =
      place.module >= model::Module::kGate && config.sparse_layer[static_cast<size_t>(place.layer)];
  return std::to_string(place.layer) + "." + std::string(model::ModuleName(place.module)) +
         (expert ? "." + std::to_string(place.expert) : "");
}

}  // namespace hyprstream::testing
