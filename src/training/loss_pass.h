// The loss of samples on a model with an adapter, and its gradients: packing, the teacher, forward,
// loss, backward. What is done with the gradients is the sink's business. One thread.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "model/training_pass.h"
#include "ops/token_loss.h"
#include "training/sample.h"
#include "training/teacher_memory.h"

namespace hyprstream::training {

struct LossOptions {
  ops::LossKind kind = ops::LossKind::kCrossEntropy;
  float label_smoothing = 0.0f;
  float temperature = 1.0f;
  float weight = 1.0f;  // of each target beside those of the step's other losses
};

/// Samples computed in one pass.
struct MicroBatch {
  std::vector<const Sample*> samples;
  LossOptions loss;
  TeacherMemory* teacher = nullptr;  // of this pass's teacher; without one it is computed each time
};

/// Consecutive samples together while they have at most `rows` tokens (a longer one is alone).
std::vector<MicroBatch> PackSamples(std::span<const Sample* const> samples, const LossOptions& loss,
                                    int64_t rows);

/// Σ weight over all targets: what a step's mean divides by.
double TotalWeight(std::span<const MicroBatch> batches);

/// An adapter as it acts on every row; without views, the base alone.
struct ActingAdapter {
  const model::AdapterViews* views = nullptr;
  float scale = 1.0f;
};

class LossPass {
 public:
  /// `teacher` of divergences and MSE: the base, or the base with these views, which outlive it.
  LossPass(std::shared_ptr<const model::Model> model, const model::TrainingPassOptions& options,
           const model::AdapterViews* teacher = nullptr)
      : pass_(std::move(model), options), teacher_{.views = teacher} {}

  /// Σ weight · loss / total over the batch's targets; its gradients go to the sink.
  double Gradients(ops::Context& context, const MicroBatch& batch, double total,
                   const ActingAdapter& adapter, model::GradientSink& sink);

  /// The mean loss of every sample, without gradients.
  std::vector<double> Losses(ops::Context& context, const MicroBatch& batch,
                             const ActingAdapter& adapter);

  const model::Model& model() const { return pass_.model(); }

 private:
  struct Targets;
  static Targets TargetsOf(const MicroBatch& batch);
  ConstMatrix Forward(ops::Context& context, const Targets& targets, const ActingAdapter& adapter,
                      const model::GradientSink* sink);
  /// In scratch; no memory for losses without a teacher.
  ConstMatrix TeacherHidden(ops::Context& context, const Targets& targets, const MicroBatch& batch);

  model::TrainingPass pass_;
  const ActingAdapter teacher_;
};

}  // namespace hyprstream::training
