// A forward pass that remembers and the backward pass through it: whole sequences packed into one
// batch, base weights frozen, gradients handed to a GradientSink module by module. Computes with
// the model's own arithmetic (exact or serving) but keys and values in f32 without a cache.
// What it remembers stays within a budget: all of as many top layers as fit, of the layers below
// only their inputs, from which they are computed again with equal bits. The same batch gives the
// same bits with any number of threads. One thread; memory is kept between batches.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/memory_budget.h"
#include "model/gradient_sink.h"
#include "model/model.h"
#include "model/training_layer.h"

namespace hyprstream::model {

/// Borrowed; must live until the backward pass has ended.
struct TrainingBatch {
  std::span<const int32_t> tokens;           // [rows], each below vocab_size
  std::span<const ops::RowRange> sequences;  // cover the rows in order; positions count from 0
  std::span<const int32_t> target_rows;      // whose final hidden states are wanted, ascending
  std::span<const AdapterUse> adapters = {};
};

struct TrainingPassOptions {
  Bytes activations = {};  // remembered between the passes; 0: no limit
};

class TrainingPass {
 public:
  /// Errors: kUnsupported when `model` is no decoder.
  explicit TrainingPass(std::shared_ptr<const Model> model,
                        const TrainingPassOptions& options = {});

  /// The final hidden states of the target rows after the last norm, [target_rows, hidden]: what
  /// the head multiplies. Valid until the next call of Forward. `sink` says what backward will be
  /// asked for; null: nothing, and nothing is remembered. Errors: kResourceExhausted when not even
  /// the layers' inputs fit the budget, saying what would.
  ConstMatrix Forward(ops::Context& context, const TrainingBatch& batch, const GradientSink* sink);

  /// Once after a Forward with the same sink. dhidden: the gradient of what Forward returned.
  void Backward(ops::Context& context, ConstMatrix dhidden, GradientSink& sink);

  const ops::LinearWeight& head() const { return *decoder_->weights().head; }
  const Model& model() const { return *model_; }

  /// Of the last Forward: the lowest layer that the backward pass enters (the number of layers when
  /// there is none), and the lowest that is remembered whole.
  int64_t lowest_layer() const { return lowest_; }
  int64_t lowest_whole_layer() const { return whole_; }
  /// Bytes that the last Forward remembers, and what is held for that.
  Bytes remembered() const { return remembered_; }
  Bytes held() const { return {memory_.held()}; }

 private:
  void CheckBatch(const TrainingBatch& batch) const;
  int64_t LowestWanted(const GradientSink* sink) const;
  void PlanMemory(const TrainingBatch& batch);
  void PrepareRope(ops::Context& context, const TrainingBatch& batch);
  TrainingStep StepOf(const TrainingBatch& batch) const;
  void RunLayers(ops::Context& context, std::span<const Matrix> inputs);

  const std::shared_ptr<const Model> model_;
  const Decoder* decoder_;
  const TrainingPassOptions options_;

  ops::Scratch memory_;                       // what is remembered
  std::optional<ops::Scratch::Frame> frame_;  // all of memory_ since the last Forward
  TrainingBatch batch_;
  std::optional<TrainingStep> step_;    // set between Forward and Backward
  std::vector<LayerActivations> kept_;  // of layers lowest_ and up; whole from whole_ on
  Matrix final_;                        // [targets, hidden] before the last norm
  int64_t lowest_ = 0;
  int64_t whole_ = 0;
  Bytes remembered_ = {};
};

}  // namespace hyprstream::model
