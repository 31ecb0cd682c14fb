// The training fixtures (tests/data/fixtures/train) and what is needed to run them: the batch, one
// PEFT adapter as views, losses and gradients through TrainingPass.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/harness.h"
#include "model/low_rank_sink.h"
#include "model/training_pass.h"
#include "ops/token_loss.h"

namespace hyprstream::testing {

/// A LoRA adapter's factors, B not scaled.
class TestAdapter {
 public:
  TestAdapter(const model::ModelConfig& config, float adapter_scale)
      : views(config.num_hidden_layers, config.moe.experts), scale(adapter_scale) {}

  /// a [rank, in], b [rank, out].
  void Set(const model::ModulePlace& place, Tensor a, Tensor b) {
    auto& factors = factors_[place] = {std::move(a), std::move(b)};
    views.Set(place.layer, place.module,
              {factors.first.As<float>().data(), factors.second.As<float>().data(),
               factors.first.shape()[0]},
              place.expert);
  }
  std::pair<Tensor, Tensor>& At(const model::ModulePlace& place) { return factors_.at(place); }
  const std::map<model::ModulePlace, std::pair<Tensor, Tensor>>& factors() const {
    return factors_;
  }

  model::AdapterViews views;
  float scale;

 private:
  std::map<model::ModulePlace, std::pair<Tensor, Tensor>> factors_;
};

/// "base_model.model.model.layers.0.mlp.down_proj.lora_" + "A.weight" of a dense model.
inline std::string PeftName(const model::ModulePlace& place, std::string_view factor) {
  const bool mlp = place.module >= model::Module::kGate;
  return "base_model.model.model.layers." + std::to_string(place.layer) +
         (mlp ? ".mlp." : ".self_attn.") + std::string(model::ModuleName(place.module)) + ".lora_" +
         std::string(factor) + ".weight";
}

inline Tensor CopyOf(const TensorView& view) {
  Tensor copy(DType::kF32, view.shape);
  std::ranges::copy(view.As<float>(), copy.As<float>().begin());
  return copy;
}

/// [n, m] → [m, n].
inline Tensor Transposed(std::span<const float> values, int64_t rows, int64_t cols) {
  Tensor out(DType::kF32, {cols, rows});
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < cols; ++j) {
      out.As<float>()[static_cast<size_t>(j * rows + i)] =
          values[static_cast<size_t>(i * cols + j)];
    }
  }
  return out;
}

inline TestAdapter LoadTestAdapter(const model::ModelConfig& config, const std::string& folder,
                                   float scale) {
  const auto file = formats::SafetensorsFile::Open(DataPath(folder + "/adapter_model.safetensors"));
  TestAdapter adapter(config, scale);
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    for (int module = 0; module < model::kModules; ++module) {
      const model::ModulePlace place{layer, static_cast<model::Module>(module), 0};
      const formats::NamedTensor* a = file->Find(PeftName(place, "A"));
      const formats::NamedTensor* b = file->Find(PeftName(place, "B"));
      if (a == nullptr || b == nullptr) continue;
      adapter.Set(place, CopyOf(a->view),
                  Transposed(b->view.As<float>(), b->view.shape[0], b->view.shape[1]));
    }
  }
  return adapter;
}

/// Random factors in every module of every layer, the experts' too.
inline TestAdapter RandomAdapter(const model::ModelConfig& config, int64_t rank, float scale) {
  TestAdapter adapter(config, scale);
  uint32_t state = 1;
  const auto fill = [&](int64_t rows, int64_t cols) {
    Tensor t(DType::kF32, {rows, cols});
    for (float& value : t.As<float>()) {
      state = state * 1664525u + 1013904223u;
      value = (static_cast<float>(state >> 8) * 0x1p-24f - 0.5f) * 0.2f;
    }
    return t;
  };
  const int64_t q = config.num_attention_heads * config.head_dim;
  const int64_t kv = config.num_key_value_heads * config.head_dim;
  const int64_t hidden = config.hidden_size;
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    const bool sparse = config.sparse_layer[static_cast<size_t>(layer)];
    const int64_t width = sparse ? config.moe.intermediate_size : config.intermediate_size;
    const std::pair<int64_t, int64_t> shapes[] = {{hidden, q},    {hidden, kv},    {hidden, kv},
                                                  {q, hidden},    {hidden, width}, {hidden, width},
                                                  {width, hidden}};
    for (int module = 0; module < model::kModules; ++module) {
      const auto [in, out] = shapes[module];
      const bool experts = sparse && static_cast<model::Module>(module) >= model::Module::kGate;
      for (int64_t expert = 0; expert < (experts ? config.moe.experts : 1); ++expert) {
        adapter.Set({layer, static_cast<model::Module>(module), expert}, fill(rank, in),
                    fill(rank, out));
      }
    }
  }
  return adapter;
}

/// Sequences packed one after the other, with the labels of their targets: row t is a target when
/// the label at t + 1 counts.
struct TrainingSamples {
  std::vector<int32_t> tokens;
  std::vector<ops::RowRange> sequences;
  std::vector<int32_t> target_rows;
  std::vector<int32_t> labels;  // of target_rows

  void Add(std::span<const int32_t> ids, std::span<const int32_t> sequence_labels) {
    const auto begin = static_cast<int64_t>(tokens.size());
    tokens.insert(tokens.end(), ids.begin(), ids.end());
    sequences.push_back({begin, static_cast<int64_t>(tokens.size())});
    for (size_t t = 0; t + 1 < ids.size(); ++t) {
      if (sequence_labels[t + 1] == ops::kIgnoredLabel) continue;
      target_rows.push_back(static_cast<int32_t>(begin) + static_cast<int32_t>(t));
      labels.push_back(sequence_labels[t + 1]);
    }
  }
};

/// Every sequence of the fixture alone.
inline std::vector<TrainingSamples> FixtureSequences() {
  const auto file =
      formats::SafetensorsFile::Open(DataPath("fixtures/train/batch_and_losses.safetensors"));
  const std::vector<int32_t> ids = ReadIds(file->Find("input_ids")->view);
  const std::vector<int32_t> labels = ReadIds(file->Find("labels")->view);
  const auto length = static_cast<size_t>(file->Find("input_ids")->view.shape[1]);
  std::vector<TrainingSamples> sequences;
  for (size_t begin = 0; begin < ids.size(); begin += length) {
    sequences.emplace_back().Add(std::span(ids).subspan(begin, length),
                                 std::span(labels).subspan(begin, length));
  }
  return sequences;
}

inline TrainingSamples Packed(std::span<const TrainingSamples> parts) {
  TrainingSamples all;
  for (const TrainingSamples& part : parts) {
    const auto begin = static_cast<int64_t>(all.tokens.size());
    all.tokens.insert(all.tokens.end(), part.tokens.begin(), part.tokens.end());
    for (const ops::RowRange& rows : part.sequences) {
      all.sequences.push_back({rows.begin + begin, rows.end + begin});
    }
    for (const int32_t row : part.target_rows) {
      all.target_rows.push_back(row + static_cast<int32_t>(begin));
    }
    all.labels.insert(all.labels.end(), part.labels.begin(), part.labels.end());
  }
  return all;
}

/// Loss (Σ weight · loss) and gradients of one batch, added to the sink's. `weight` is every
/// target's.
inline double AddLossAndGradients(ops::Context& context, model::TrainingPass& pass,
                                  const TrainingSamples& samples, const TestAdapter& adapter,
                                  const ops::TokenLossOptions& loss, float weight,
                                  model::GradientSink* sink) {
  const model::AdapterUse use{.row_begin = 0,
                              .row_end = static_cast<int64_t>(samples.tokens.size()),
                              .views = &adapter.views,
                              .scale = adapter.scale};
  model::TrainingBatch batch{
      .tokens = samples.tokens, .sequences = samples.sequences, .target_rows = samples.target_rows};
  const int64_t hidden = pass.model().config().hidden_size;
  const auto targets = static_cast<int64_t>(samples.target_rows.size());
  Tensor teacher(DType::kF32, {targets, hidden});
  Tensor dhidden(DType::kF32, {targets, hidden});
  const Matrix taught{teacher.As<float>().data(), targets, hidden, hidden};
  if (loss.kind != ops::LossKind::kCrossEntropy) {
    const ConstMatrix base = pass.Forward(context, batch, nullptr);
    std::copy_n(base.data, targets * hidden, taught.data);
  }
  batch.adapters = {&use, 1};
  const ConstMatrix states = pass.Forward(context, batch, sink);
  const std::vector<float> weights(static_cast<size_t>(targets), weight);
  const Matrix d{sink == nullptr ? nullptr : dhidden.As<float>().data(), targets, hidden, hidden};
  const ops::TokenLossSum sum = ops::TokenLoss(context,
                                               {.head = pass.head(),
                                                .hidden = states,
                                                .labels = samples.labels,
                                                .teacher = taught,
                                                .weights = weights},
                                               loss, d);
  if (sink != nullptr) pass.Backward(context, d, *sink);
  return sum.loss;
}

/// Largest difference relative to the largest entry of `want`.
inline double RelativeDifference(std::span<const float> got, std::span<const float> want) {
  HYPR_CHECK(got.size() == want.size());
  double difference = 0;
  double largest = 1e-30;
  for (size_t i = 0; i < want.size(); ++i) {
    const double d = std::abs(double{got[i]} - double{want[i]});
    if (!(d <= difference)) difference = d;
    largest = std::max(largest, std::abs(double{want[i]}));
  }
  return difference / largest;
}

}  // namespace hyprstream::testing
