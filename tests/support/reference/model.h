// The decoder by its formulas over one sequence, with adapters, and its backward pass written by
// hand: gradients of every adapter matrix. Weights may be of any size; everything is plain loops.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "support/reference/attention.h"

namespace hyprstream::reference {

/// y = W x + bias + scale · B (A x). A [rank, in], B [out, rank]; rank 0: none.
template <typename T>
struct Linear {
  Grid<double> weight;
  std::vector<double> bias = {};
  double scale = 1.0;
  Grid<T> a = {};
  Grid<T> b = {};
};

template <typename T>
struct Mlp {
  Linear<T> gate, up, down;
};

template <typename T>
struct Layer {
  std::vector<double> norm;
  Linear<T> q, k, v, o;
  std::vector<double> q_norm, k_norm;  // empty: no head norms
  AttentionShape attention;
  std::vector<double> mlp_norm;
  Grid<double> router;  // [experts, hidden]; no rows: dense
  int64_t experts_per_token = 0;
  bool norm_topk = false;
  std::vector<Mlp<T>> mlp;  // one, or one per expert
};

template <typename T>
struct Model {
  Grid<double> embedding;  // [vocab, hidden]
  std::vector<Layer<T>> layers;
  std::vector<double> final_norm;
  Grid<double> head;  // [vocab, hidden]
  std::vector<double> inv_freq;
  double rope_magnitude = 1.0;
  double eps = 1e-6;
};

/// dA and dB of one adapted module.
template <typename T>
struct AdapterGradient {
  Grid<T> a, b;
};

template <typename T>
Grid<T> Apply(const Linear<T>& linear, const Grid<T>& x) {
  Grid<T> y = Multiply(x, Convert<T>(linear.weight));
  for (int64_t m = 0; m < y.rows && !linear.bias.empty(); ++m) {
    for (int64_t i = 0; i < y.cols; ++i) y.at(m, i) += linear.bias[static_cast<size_t>(i)];
  }
  if (linear.a.rows == 0) return y;
  Grid<T> update = Multiply(Multiply(x, linear.a), linear.b);
  for (T& value : update.data) value *= linear.scale;
  AddTo(y, update);
  return y;
}

/// dx; `gradient` receives dA and dB where the module is adapted.
template <typename T>
Grid<T> ApplyGradient(const Linear<T>& linear, const Grid<T>& x, const Grid<T>& dy,
                      AdapterGradient<T>& gradient) {
  Grid<T> dx = MultiplyInputGradient(dy, Convert<T>(linear.weight));
  if (linear.a.rows == 0) return dx;
  Grid<T> scaled = dy;
  for (T& value : scaled.data) value *= linear.scale;
  const Grid<T> middle = Multiply(x, linear.a);
  const Grid<T> dmiddle = MultiplyInputGradient(scaled, linear.b);
  const Grid<T> db = MultiplyWeightGradient(middle, scaled);
  const Grid<T> da = MultiplyWeightGradient(x, dmiddle);
  if (gradient.a.rows == 0) {
    gradient = {da, db};
  } else {
    AddTo(gradient.a, da);
    AddTo(gradient.b, db);
  }
  AddTo(dx, MultiplyInputGradient(dmiddle, linear.a));
  return dx;
}

/// An expert's rows and weights; one with all rows for a dense layer.
struct Routed {
  std::vector<int64_t> rows;
  std::vector<double> scale;
};

template <typename T>
struct LayerStates {
  Grid<T> input, normed, q_raw, k_raw, q, k, v, attended, middle, mlp_normed;
  std::vector<Routed> routed;
  std::vector<Grid<T>> mlp_input, gate, up;
};

/// Gradients by "layer.module" or "layer.module.expert" for experts.
template <typename T>
using AdapterGradients = std::map<std::string, AdapterGradient<T>>;

template <typename T>
class Run {
 public:
  Run(const Model<T>& model, const std::vector<int32_t>& ids) : model_(model) {
    const auto rows = static_cast<int64_t>(ids.size());
    const auto half = static_cast<int64_t>(model.inv_freq.size());
    angles_ = Grid<double>(rows, half);
    Grid<T> x(rows, model.embedding.cols);
    for (int64_t m = 0; m < rows; ++m) {
      for (int64_t i = 0; i < half; ++i) {
        angles_.at(m, i) = static_cast<double>(m) * model.inv_freq[static_cast<size_t>(i)];
      }
      for (int64_t i = 0; i < x.cols; ++i) {
        x.at(m, i) = model.embedding.at(ids[static_cast<size_t>(m)], i);
      }
    }
    for (const Layer<T>& layer : model.layers) x = ForwardLayer(layer, x);
    last_ = x;
  }

  /// [rows, hidden] after the last norm.
  Grid<T> Hidden() const { return RmsNorm(last_, Typed(model_.final_norm), model_.eps); }
  /// [rows, vocab].
  Grid<T> Logits() const { return Multiply(Hidden(), Convert<T>(model_.head)); }

  AdapterGradients<T> Backward(const Grid<T>& dlogits) const {
    AdapterGradients<T> gradients;
    const Grid<T> dhidden = MultiplyInputGradient(dlogits, Convert<T>(model_.head));
    Grid<T> d = RmsNormGradient(last_, Typed(model_.final_norm), model_.eps, dhidden);
    for (size_t i = model_.layers.size(); i-- > 0;) {
      BackwardLayer(model_.layers[i], states_[i], std::to_string(i) + ".", d, gradients);
    }
    return gradients;
  }

 private:
  static std::vector<T> Typed(const std::vector<double>& values) {
    return {values.begin(), values.end()};
  }

  static Grid<T> Select(const Grid<T>& x, const Routed& routed) {
    Grid<T> y(static_cast<int64_t>(routed.rows.size()), x.cols);
    for (int64_t m = 0; m < y.rows; ++m) {
      for (int64_t i = 0; i < y.cols; ++i) {
        y.at(m, i) = x.at(routed.rows[static_cast<size_t>(m)], i);
      }
    }
    return y;
  }

  static void Scatter(const Grid<T>& y, const Routed& routed, Grid<T>& x) {
    for (int64_t m = 0; m < y.rows; ++m) {
      const auto at = static_cast<size_t>(m);
      for (int64_t i = 0; i < y.cols; ++i) {
        x.at(routed.rows[at], i) += y.at(m, i) * routed.scale[at];
      }
    }
  }

  // The choice and its weights are constants: they look at real parts only.
  static std::vector<Routed> Route(const Layer<T>& layer, const Grid<T>& h) {
    std::vector<Routed> routed(layer.mlp.size());
    Grid<double> real(h.rows, h.cols);
    for (size_t i = 0; i < h.data.size(); ++i) real.data[i] = Real(h.data[i]);
    if (layer.router.rows == 0) {
      for (int64_t m = 0; m < h.rows; ++m) {
        routed[0].rows.push_back(m);
        routed[0].scale.push_back(1.0);
      }
      return routed;
    }
    const Grid<double> p = Softmax(Multiply(real, layer.router));
    for (int64_t m = 0; m < p.rows; ++m) {
      std::vector<int64_t> order(static_cast<size_t>(p.cols));
      for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
      std::stable_sort(order.begin(), order.end(),
                       [&](int64_t a, int64_t b) { return p.at(m, a) > p.at(m, b); });
      order.resize(static_cast<size_t>(layer.experts_per_token));
      double sum = 0;
      for (const int64_t e : order) sum += p.at(m, e);
      for (const int64_t e : order) {
        routed[static_cast<size_t>(e)].rows.push_back(m);
        routed[static_cast<size_t>(e)].scale.push_back(p.at(m, e) / (layer.norm_topk ? sum : 1.0));
      }
    }
    return routed;
  }

  Grid<T> ForwardLayer(const Layer<T>& layer, const Grid<T>& x) {
    LayerStates<T> s;
    s.input = x;
    s.normed = RmsNorm(x, Typed(layer.norm), model_.eps);
    s.q_raw = Apply(layer.q, s.normed);
    s.k_raw = Apply(layer.k, s.normed);
    s.v = Apply(layer.v, s.normed);
    const auto turned = [&](const Grid<T>& raw, const std::vector<double>& norm) {
      return Rotate(norm.empty() ? raw : RmsNorm(raw, Typed(norm), model_.eps), angles_,
                    model_.rope_magnitude);
    };
    s.q = turned(s.q_raw, layer.q_norm);
    s.k = turned(s.k_raw, layer.k_norm);
    s.attended = Attention(s.q, s.k, s.v, layer.attention);
    s.middle = Apply(layer.o, s.attended);
    AddTo(s.middle, x);
    s.mlp_normed = RmsNorm(s.middle, Typed(layer.mlp_norm), model_.eps);
    s.routed = Route(layer, s.mlp_normed);
    Grid<T> out = s.middle;
    for (size_t e = 0; e < layer.mlp.size(); ++e) {
      const Mlp<T>& mlp = layer.mlp[e];
      s.mlp_input.push_back(Select(s.mlp_normed, s.routed[e]));
      s.gate.push_back(Apply(mlp.gate, s.mlp_input[e]));
      s.up.push_back(Apply(mlp.up, s.mlp_input[e]));
      Scatter(Apply(mlp.down, SwiGlu(s.gate[e], s.up[e])), s.routed[e], out);
    }
    states_.push_back(std::move(s));
    return out;
  }

  // d: gradient of the layer's output, becomes that of its input.
  void BackwardLayer(const Layer<T>& layer, const LayerStates<T>& s, const std::string& prefix,
                     Grid<T>& d, AdapterGradients<T>& gradients) const {
    Grid<T> dnormed(d.rows, d.cols);
    for (size_t e = 0; e < layer.mlp.size(); ++e) {
      const Mlp<T>& mlp = layer.mlp[e];
      const std::string suffix = layer.mlp.size() > 1 ? "." + std::to_string(e) : "";
      Grid<T> dy = Select(d, s.routed[e]);
      for (int64_t m = 0; m < dy.rows; ++m) {
        for (int64_t i = 0; i < dy.cols; ++i) {
          dy.at(m, i) *= s.routed[e].scale[static_cast<size_t>(m)];
        }
      }
      const Grid<T> dact = ApplyGradient(mlp.down, SwiGlu(s.gate[e], s.up[e]), dy,
                                         gradients[prefix + "down_proj" + suffix]);
      const auto dgu = SwiGluGradient(s.gate[e], s.up[e], dact);
      Grid<T> dx = ApplyGradient(mlp.gate, s.mlp_input[e], dgu.gate,
                                 gradients[prefix + "gate_proj" + suffix]);
      AddTo(dx,
            ApplyGradient(mlp.up, s.mlp_input[e], dgu.up, gradients[prefix + "up_proj" + suffix]));
      for (int64_t m = 0; m < dx.rows; ++m) {
        const int64_t row = s.routed[e].rows[static_cast<size_t>(m)];
        for (int64_t i = 0; i < dx.cols; ++i) dnormed.at(row, i) += dx.at(m, i);
      }
    }
    AddTo(d, RmsNormGradient(s.middle, Typed(layer.mlp_norm), model_.eps, dnormed));

    const Grid<T> dattended = ApplyGradient(layer.o, s.attended, d, gradients[prefix + "o_proj"]);
    const auto dqkv = AttentionGradient(s.q, s.k, s.v, layer.attention, dattended);
    const auto back = [&](const Grid<T>& dturned, const Grid<T>& raw,
                          const std::vector<double>& norm) {
      const Grid<T> flat = RotateGradient(dturned, angles_, model_.rope_magnitude);
      return norm.empty() ? flat : RmsNormGradient(raw, Typed(norm), model_.eps, flat);
    };
    Grid<T> dh = ApplyGradient(layer.q, s.normed, back(dqkv.q, s.q_raw, layer.q_norm),
                               gradients[prefix + "q_proj"]);
    AddTo(dh, ApplyGradient(layer.k, s.normed, back(dqkv.k, s.k_raw, layer.k_norm),
                            gradients[prefix + "k_proj"]));
    AddTo(dh, ApplyGradient(layer.v, s.normed, dqkv.v, gradients[prefix + "v_proj"]));
    AddTo(d, RmsNormGradient(s.input, Typed(layer.norm), model_.eps, dh));
  }

  const Model<T>& model_;
  Grid<double> angles_;
  std::vector<LayerStates<T>> states_;
  Grid<T> last_;
};

}  // namespace hyprstream::reference
