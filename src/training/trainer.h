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
#include "model/training_pass.h"
#include "ops/token_loss.h"
#include "training/sample.h"
#include "training/sparse_adamw.h"

namespace hyprstream::training {

struct LossOptions {
  ops::LossKind kind = ops::LossKind::kCrossEntropy;
  float label_smoothing = 0.0f;
  float temperature = 1.0f;
};

struct TrainerOptions {
  AdamWOptions adamw;
  double clip = 1.0;  // of the gradients' norm; 0: none
  Bytes activations = {};
};

/// Samples computed in one pass.
struct MicroBatch {
  std::vector<const Sample*> samples;
  LossOptions loss;
};

/// Consecutive samples together while they have at most `rows` tokens (a longer one is alone).
std::vector<MicroBatch> PackSamples(std::span<const Sample* const> samples, const LossOptions& loss,
                                    int64_t rows);

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
  struct Targets {
    std::vector<int32_t> tokens;
    std::vector<ops::RowRange> sequences;
    std::vector<int32_t> rows;
    std::vector<int32_t> labels;
    std::vector<float> weights;
    std::vector<size_t> sample;  // of each target
  };
  static Targets TargetsOf(const MicroBatch& batch);

  void Refresh();
  double TotalWeight(std::span<const MicroBatch> batches) const;
  /// Loss of one micro-batch with weights divided by `total`; the backward pass into `sink`.
  double Run(ops::Context& context, const MicroBatch& batch, double total,
             model::GradientSink& sink);
  StepResult RunAll(ops::Context& context, std::span<const MicroBatch> batches,
                    model::GradientSink& sink);
  std::span<const float> TeacherHidden(ops::Context& context, const Targets& targets);

  model::TrainingPass pass_;
  adapters::TrainableAdapter adapter_;
  const TrainerOptions options_;
  const model::AdapterViews* const teacher_;
  SparseAdamW optimiser_;

  std::vector<adapters::Factors> factors_;  // by place
  model::AdapterViews views_;
  std::optional<model::LowRankSink> sink_;
  std::vector<PlaceGradient> gradients_;
  std::vector<float> teacher_hidden_;
};

}  // namespace hyprstream::training
