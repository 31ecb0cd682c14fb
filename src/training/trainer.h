// One adapter learning on one model: forward, loss, backward, clipping, optimiser step, a batch at
// a time, and the loss of samples without learning. The base is never written. The same model,
// adapter, batches and options give the same bits with any number of threads. One thread.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "adapters/trainable_adapter.h"
#include "model/low_rank_sink.h"
#include "training/loss_pass.h"
#include "training/sparse_adamw.h"

namespace hyprstream::training {

struct TrainerOptions {
  AdamWOptions adamw;
  double clip = 1.0;  // of the gradients' norm; 0: none
  Bytes activations = {};
  /// By place, besides the adapter's own scale: y += scale · place_scales[p] · B (A x). Empty: 1.
  std::vector<double> place_scales = {};
  int64_t rows = 512;  // tokens that Losses computes in one pass
};

struct StepResult {
  double loss = 0;           // mean over the targets of all micro-batches, by weight
  double gradient_norm = 0;  // before clipping
  int64_t targets = 0;
  int64_t tokens = 0;
};

class Trainer {
 public:
  /// `teacher` of divergences and MSE: the base, or the base with these views; they outlive it.
  Trainer(std::shared_ptr<const model::Model> model, adapters::TrainableAdapter adapter,
          const TrainerOptions& options, const model::AdapterViews* teacher = nullptr);

  /// The mean over the targets of the whole step, however it is cut into micro-batches.
  StepResult Step(ops::Context& context, std::span<const MicroBatch> batches, double learning_rate);

  /// Only the gradients' part of Step. They stay valid until the next call of anything.
  StepResult Gradients(ops::Context& context, std::span<const MicroBatch> batches);
  const std::vector<PlaceGradient>& gradients() const { return gradients_; }

  /// Runs the backward pass of the mean loss into another sink; the adapter takes part in the
  /// forward pass. For sketches.
  void Sketch(ops::Context& context, std::span<const MicroBatch> batches,
              model::GradientSink& sink);

  /// The mean loss of every sample.
  enum class Use { kWithAdapter, kBaseOnly };
  std::vector<double> Losses(ops::Context& context, std::span<const Sample* const> samples,
                             const LossOptions& loss, Use use);

  const adapters::TrainableAdapter& adapter() const { return adapter_; }
  const model::Model& model() const { return pass_.model(); }
  SparseAdamW& optimiser() { return optimiser_; }
  const SparseAdamW& optimiser() const { return optimiser_; }
  const TrainerOptions& options() const { return options_; }
  /// As they stand; refreshed after every change of the adapter.
  const model::AdapterViews& views() const { return views_; }

  /// Changes the adapter by hand (new components, other values) and refreshes what depends on it.
  template <typename Change>
  void ChangeAdapter(Change&& change) {
    change(adapter_, optimiser_);
    Refresh();
  }

 private:
  void Refresh();
  double PlaceScale(size_t place) const {
    return options_.place_scales.empty() ? 1.0 : options_.place_scales[place];
  }
  StepResult RunAll(ops::Context& context, std::span<const MicroBatch> batches,
                    model::GradientSink& sink);
  ActingAdapter Acting() const {
    return {.views = &views_, .scale = static_cast<float>(adapter_.spec().scale)};
  }

  LossPass pass_;
  adapters::TrainableAdapter adapter_;
  const TrainerOptions options_;
  SparseAdamW optimiser_;

  std::vector<adapters::Factors> factors_;  // by place
  model::AdapterViews views_;
  std::optional<model::LowRankSink> sink_;
  std::vector<PlaceGradient> gradients_;
  std::vector<Tensor> scaled_;  // memory of those with a scale of their place
};

}  // namespace hyprstream::training
