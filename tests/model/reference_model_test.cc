// The reference model's backward pass against complex steps and against the double-precision
// gradients of an independent implementation.
#include <gtest/gtest.h>

#include <random>

#include "model/reference_harness.h"
#include "support/reference/complex_step.h"
#include "support/reference/losses.h"

namespace hyprstream {
namespace {

using namespace hyprstream::testing;
using reference::Complex;
using reference::Grid;

class RandomGrids {
 public:
  Grid<double> Grid2(int64_t rows, int64_t cols, double deviation = 0.5) {
    Grid<double> grid(rows, cols);
    for (double& value : grid.data) value = normal_(random_) * deviation;
    return grid;
  }
  std::vector<double> Norm(int64_t width) {
    std::vector<double> norm = Grid2(1, width, 0.3).data;
    for (double& value : norm) value += 1.0;
    return norm;
  }
  reference::Linear<double> Adapted(int64_t out, int64_t in, bool bias) {
    return {.weight = Grid2(out, in),
            .bias = bias ? Grid2(1, out).data : std::vector<double>{},
            .scale = 0.7,
            .a = Grid2(2, in),
            .b = Grid2(out, 2)};
  }

 private:
  std::mt19937 random_{7};
  std::normal_distribution<double> normal_;
};

// Two layers that have between them everything a family has: biases and a window; head norms and
// experts.
reference::Model<double> TinyModel() {
  RandomGrids random;
  const int64_t hidden = 6;
  reference::Model<double> model{.embedding = random.Grid2(9, hidden, 1.0),
                                 .layers = {},
                                 .final_norm = random.Norm(hidden),
                                 .head = random.Grid2(9, hidden, 1.0),
                                 .inv_freq = {1.0, 0.3},
                                 .rope_magnitude = 1.1,
                                 .eps = 1e-5};
  for (const bool second : {false, true}) {
    reference::Layer<double>& layer = model.layers.emplace_back();
    layer.norm = random.Norm(hidden);
    layer.q = random.Adapted(8, hidden, !second);
    layer.k = random.Adapted(4, hidden, !second);
    layer.v = random.Adapted(4, hidden, !second);
    layer.o = random.Adapted(hidden, 8, !second);
    if (second) {
      layer.q_norm = random.Norm(4);
      layer.k_norm = random.Norm(4);
      layer.router = random.Grid2(3, hidden, 1.0);
      layer.experts_per_token = 2;
      layer.norm_topk = true;
    }
    layer.attention = {.head_dim = 4, .scale = 0.5, .window = second ? 0 : 3};
    layer.mlp_norm = random.Norm(hidden);
    for (int expert = 0; expert < (second ? 3 : 1); ++expert) {
      layer.mlp.push_back({random.Adapted(5, hidden, !second), random.Adapted(5, hidden, !second),
                           random.Adapted(hidden, 5, !second)});
    }
  }
  return model;
}

template <typename To>
reference::Linear<To> ConvertLinear(const reference::Linear<double>& from) {
  return {from.weight, from.bias, from.scale, reference::Convert<To>(from.a),
          reference::Convert<To>(from.b)};
}

reference::Model<Complex> ToComplex(const reference::Model<double>& from) {
  reference::Model<Complex> to{
      from.embedding, {}, from.final_norm, from.head, from.inv_freq, from.rope_magnitude, from.eps};
  for (const reference::Layer<double>& l : from.layers) {
    reference::Layer<Complex>& layer = to.layers.emplace_back();
    layer = {l.norm,
             ConvertLinear<Complex>(l.q),
             ConvertLinear<Complex>(l.k),
             ConvertLinear<Complex>(l.v),
             ConvertLinear<Complex>(l.o),
             l.q_norm,
             l.k_norm,
             l.attention,
             l.mlp_norm,
             l.router,
             l.experts_per_token,
             l.norm_topk,
             {}};
    for (const reference::Mlp<double>& mlp : l.mlp) {
      layer.mlp.push_back({ConvertLinear<Complex>(mlp.gate), ConvertLinear<Complex>(mlp.up),
                           ConvertLinear<Complex>(mlp.down)});
    }
  }
  return to;
}

/// Every adapted module with the name of its gradient.
template <typename T>
std::vector<std::pair<std::string, reference::Linear<T>*>> Modules(reference::Model<T>& model) {
  std::vector<std::pair<std::string, reference::Linear<T>*>> all;
  for (size_t i = 0; i < model.layers.size(); ++i) {
    reference::Layer<T>& layer = model.layers[i];
    const std::string prefix = std::to_string(i) + ".";
    all.insert(all.end(), {{prefix + "q_proj", &layer.q},
                           {prefix + "k_proj", &layer.k},
                           {prefix + "v_proj", &layer.v},
                           {prefix + "o_proj", &layer.o}});
    for (size_t e = 0; e < layer.mlp.size(); ++e) {
      const std::string suffix = layer.mlp.size() > 1 ? "." + std::to_string(e) : "";
      all.insert(all.end(), {{prefix + "gate_proj" + suffix, &layer.mlp[e].gate},
                             {prefix + "up_proj" + suffix, &layer.mlp[e].up},
                             {prefix + "down_proj" + suffix, &layer.mlp[e].down}});
    }
  }
  return all;
}

TEST(ReferenceModel, GradientsOfATinyModelAreComplexStepDerivatives) {
  reference::Model<double> model = TinyModel();
  const std::vector<int32_t> ids = {3, 1, 4, 1, 5, 8};
  const std::vector<int32_t> labels = {1, 4, 1, 5, 8, 0};
  const reference::Run<double> run(model, ids);
  const auto gradients = run.Backward(reference::CrossEntropyGradient(run.Logits(), labels, 0.1));

  reference::Model<Complex> moved = ToComplex(model);
  const auto loss = [&] {
    return reference::CrossEntropy(reference::Run<Complex>(moved, ids).Logits(), labels, 0.1);
  };
  const auto derivative = [&](Grid<Complex>& factor) {
    Grid<double> d(factor.rows, factor.cols);
    for (size_t i = 0; i < factor.data.size(); ++i) {
      factor.data[i] += Complex(0, reference::kStep);
      d.data[i] = loss().imag() / reference::kStep;
      factor.data[i] = factor.data[i].real();
    }
    return d;
  };
  for (const auto& [name, linear] : Modules(moved)) {
    const auto& got = gradients.at(name);
    EXPECT_LE(reference::RelativeDifference(got.a, derivative(linear->a)), 1e-9) << name;
    EXPECT_LE(reference::RelativeDifference(got.b, derivative(linear->b)), 1e-9) << name;
  }
}

TEST(ReferenceModel, EqualsTheDoublePrecisionGoldenGradients) {
  Compute compute(1);
  const auto loaded = LoadExact(DataPath("fixtures/qwen3-untied"), compute.context);
  const TestAdapter adapter = LoadTestAdapter(loaded->config(), "fixtures/peft/a-all-seven", 2.0f);
  reference::Model<double> model = ReferenceModel<double>(*loaded, adapter);
  for (size_t i = 0; i < model.inv_freq.size(); ++i) {
    const auto exponent =
        2.0 * static_cast<double>(i) / static_cast<double>(loaded->config().head_dim);
    model.inv_freq[i] = std::pow(loaded->config().rope.theta, -exponent);
  }
  const std::vector<TrainingSamples> parts = FixtureSequences();
  const auto targets = static_cast<double>(Packed(parts).labels.size());
  std::map<std::string, reference::AdapterGradient<double>> sums;
  double loss = 0;
  for (const TrainingSamples& part : parts) {
    const reference::Run<double> run(model, part.tokens);
    const Grid<double> all = run.Logits();
    Grid<double> logits(static_cast<int64_t>(part.labels.size()), all.cols);
    for (int64_t m = 0; m < logits.rows; ++m) {
      for (int64_t v = 0; v < all.cols; ++v) {
        logits.at(m, v) = all.at(part.target_rows[static_cast<size_t>(m)], v);
      }
    }
    loss += reference::CrossEntropy(logits, part.labels, 0.0) / targets;
    const Grid<double> some = reference::CrossEntropyGradient(logits, part.labels, 0.0);
    Grid<double> d(all.rows, all.cols);
    for (int64_t m = 0; m < some.rows; ++m) {
      for (int64_t v = 0; v < all.cols; ++v) {
        d.at(part.target_rows[static_cast<size_t>(m)], v) = some.at(m, v) / targets;
      }
    }
    for (auto& [name, gradient] : run.Backward(d)) {
      auto& sum = sums[name];
      if (sum.a.rows == 0) {
        sum = gradient;
      } else {
        reference::AddTo(sum.a, gradient.a);
        reference::AddTo(sum.b, gradient.b);
      }
    }
  }
  const auto losses =
      formats::SafetensorsFile::Open(DataPath("fixtures/train/batch_and_losses.safetensors"));
  EXPECT_NEAR(loss, losses->Find("loss_f64.ce")->view.As<double>()[0], 1e-12);
  const auto golden =
      formats::SafetensorsFile::Open(DataPath("fixtures/train/gradients_ce_f64.safetensors"));
  for (const auto& [place, factors] : adapter.factors()) {
    const auto& got = sums.at(ReferenceName(*loaded, place));
    const auto want = [&](std::string_view factor) {
      const TensorView view = golden->Find(PeftName(place, factor))->view;
      Grid<double> grid(view.rows(), view.cols());
      std::ranges::copy(view.As<double>(), grid.data.begin());
      return grid;
    };
    EXPECT_LE(reference::RelativeDifference(got.a, want("A")), 1e-9) << PeftName(place, "A");
    EXPECT_LE(reference::RelativeDifference(got.b, want("B")), 1e-9) << PeftName(place, "B");
  }
}

}  // namespace
}  // namespace hyprstream
