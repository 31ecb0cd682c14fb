#include "model/training_pass.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "model/gather_rows.h"
#include "ops/norm.h"
#include "ops/norm_gradient.h"
#include "ops/pointwise.h"
#include "ops/rope_gradient.h"

namespace hyprstream::model {
namespace {

constexpr int64_t kLine = AlignedBuffer::kAlignment / sizeof(float);

uint64_t FloatBytes(int64_t floats) { return static_cast<uint64_t>(floats) * sizeof(float); }

}  // namespace

TrainingPass::TrainingPass(std::shared_ptr<const Model> model, const TrainingPassOptions& options)
    : model_(std::move(model)),
      decoder_(dynamic_cast<const Decoder*>(model_.get())),
      options_(options) {
  if (decoder_ == nullptr) {
    throw Error(ErrorCode::kUnsupported, {.message = "this model cannot be trained",
                                          .expected = "a decoder of one of the known families"});
  }
}

void TrainingPass::CheckBatch(const TrainingBatch& batch) const {
  const auto rows = static_cast<int64_t>(batch.tokens.size());
  int64_t next = 0;
  for (const ops::RowRange& sequence : batch.sequences) {
    HYPR_CHECK(sequence.begin == next && sequence.end > sequence.begin);
    next = sequence.end;
  }
  HYPR_CHECK(next == rows);
  for (const int32_t row : batch.target_rows) HYPR_CHECK(row >= 0 && row < rows);
}

int64_t TrainingPass::LowestWanted(const GradientSink* sink) const {
  const ModelConfig& config = decoder_->config();
  if (sink == nullptr) return config.num_hidden_layers;
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    const bool sparse = config.sparse_layer[static_cast<size_t>(layer)];
    for (int module = 0; module < kModules; ++module) {
      const bool mlp = static_cast<Module>(module) >= Module::kGate;
      const int64_t experts = sparse && mlp ? config.moe.experts : 1;
      for (int64_t expert = 0; expert < experts; ++expert) {
        if (sink->Wants({layer, static_cast<Module>(module), expert})) return layer;
      }
    }
  }
  return config.num_hidden_layers;
}

// Inputs of all layers from the lowest on and the last output; then whole layers from the top.
void TrainingPass::PlanMemory(const TrainingBatch& batch) {
  const ModelConfig& config = decoder_->config();
  const auto rows = static_cast<int64_t>(batch.tokens.size());
  const auto targets = static_cast<int64_t>(batch.target_rows.size());
  const int64_t layers = config.num_hidden_layers;
  const TrainingStep shape{.decoder = *decoder_, .rows = rows};
  const auto matrix = [](int64_t height, int64_t width) { return height * width + kLine; };
  const int64_t inputs = (layers - lowest_ + 1) * matrix(rows, config.hidden_size);
  const int64_t tables = 4 * matrix(rows, config.head_dim / 2);
  uint64_t total = FloatBytes(inputs + tables + 2 * matrix(targets, config.hidden_size));
  const uint64_t limit = options_.activations.value;
  if (limit > 0 && lowest_ < layers && total > limit) {
    throw Error(
        ErrorCode::kResourceExhausted,
        {.message = "the activations of this batch do not fit",
         .expected = "at most " + FormatBytes({limit}),
         .found = FormatBytes({total}) + " for the inputs of " + std::to_string(layers - lowest_) +
                  " layers, " + std::to_string(rows) + " tokens",
         .hint = "train on fewer tokens at a time"});
  }
  for (whole_ = layers; whole_ > lowest_; --whole_) {
    const uint64_t one = FloatBytes(TrainingLayer(shape, whole_ - 1).ActivationFloats());
    if (limit > 0 && total + one > limit) break;
    total += one;
  }
  remembered_ = {total};
  // One block for everything, so that no more is held than was planned.
  if (memory_.held() < total) {
    memory_ = ops::Scratch();
    const ops::Scratch::Frame frame(memory_);
    memory_.Allocate<std::byte>(static_cast<int64_t>(total));
  }
}

void TrainingPass::PrepareRope(ops::Context& context, const TrainingBatch& batch) {
  const RopeFrequencies& rope = decoder_->rope();
  const int64_t half = decoder_->config().head_dim / 2;
  const auto rows = static_cast<int64_t>(batch.tokens.size());
  const Matrix cos = memory_.AllocateMatrix(rows, half);
  const Matrix sin = memory_.AllocateMatrix(rows, half);
  for (const ops::RowRange& sequence : batch.sequences) {
    const ops::Scratch::Frame frame(context.scratch);
    const int64_t count = sequence.end - sequence.begin;
    std::vector<int32_t> positions(static_cast<size_t>(count));
    std::iota(positions.begin(), positions.end(), 0);
    const std::vector<float> stretched =
        rope.dynamic() ? rope.ForLength(count) : std::vector<float>{};
    const ops::RopeTable part = ops::PrepareRope(
        context, positions, rope.dynamic() ? stretched : rope.inv_freq(), rope.magnitude());
    for (int64_t i = 0; i < count; ++i) {
      std::copy_n(part.cos.row(i), half, cos.row(sequence.begin + i));
      std::copy_n(part.sin.row(i), half, sin.row(sequence.begin + i));
    }
  }
  step_->rope = {cos, sin};
  ops::Context remembering{context.pool, context.isa, memory_};
  step_->opposite_rope = ops::OppositeRope(remembering, step_->rope);
}

ConstMatrix TrainingPass::Forward(ops::Context& context, const TrainingBatch& batch,
                                  const GradientSink* sink) {
  CheckBatch(batch);
  const ops::Scratch::Frame scratch_frame(context.scratch);
  const ModelConfig& config = decoder_->config();
  const auto rows = static_cast<int64_t>(batch.tokens.size());
  batch_ = batch;
  kept_.clear();
  frame_.reset();
  lowest_ = LowestWanted(sink);
  PlanMemory(batch);
  frame_.emplace(memory_);
  step_.emplace(TrainingStep{.decoder = *decoder_,
                             .sequences = batch_.sequences,
                             .adapters = batch_.adapters,
                             .rows = rows});
  PrepareRope(context, batch);

  // Layers below the lowest work in the memory of its input.
  std::vector<Matrix> inputs;
  for (int64_t layer = 0; layer <= config.num_hidden_layers; ++layer) {
    inputs.push_back(layer == 0 || layer > lowest_
                         ? memory_.AllocateMatrix(rows, config.hidden_size)
                         : inputs.back());
  }
  ops::EmbeddingLookup(context, decoder_->weights().embedding, batch.tokens, inputs.front());
  RunLayers(context, inputs);

  final_ = GatherRows(memory_, inputs.back(), batch.target_rows);
  Matrix hidden = memory_.AllocateMatrix(final_.rows, final_.cols);
  ops::RmsNorm(context, final_, decoder_->weights().final_norm, config.rms_norm_eps, hidden);
  return hidden;
}

void TrainingPass::RunLayers(ops::Context& context, std::span<const Matrix> inputs) {
  const int64_t layers = decoder_->config().num_hidden_layers;
  for (int64_t i = 0; i < layers; ++i) {
    const Matrix input = inputs[static_cast<size_t>(i)];
    const Matrix out = inputs[static_cast<size_t>(i + 1)];
    const TrainingLayer layer(*step_, i);
    if (i >= whole_) {
      LayerActivations activations = layer.Allocate(memory_, input);
      layer.Forward(context, memory_, activations, out);
      kept_.push_back(std::move(activations));
      continue;
    }
    const ops::Scratch::Frame frame(context.scratch);
    LayerActivations activations = layer.Allocate(context.scratch, input);
    layer.Forward(context, context.scratch, activations, out);
    if (i >= lowest_) kept_.push_back({.input = input});
  }
}

void TrainingPass::Backward(ops::Context& context, ConstMatrix dhidden, GradientSink& sink) {
  const ModelConfig& config = decoder_->config();
  HYPR_CHECK(step_.has_value());
  HYPR_CHECK(dhidden.rows == final_.rows && dhidden.cols == final_.cols);
  const ops::Scratch::Frame scratch_frame(context.scratch);
  Matrix dfinal = context.scratch.AllocateMatrix(final_.rows, final_.cols);
  std::fill_n(dfinal.data, dfinal.rows * dfinal.cols, 0.0f);
  ops::RmsNormGradient(context, final_, decoder_->weights().final_norm, config.rms_norm_eps,
                       dhidden, dfinal);
  Matrix d = context.scratch.AllocateMatrix(step_->rows, config.hidden_size);
  std::fill_n(d.data, d.rows * d.cols, 0.0f);
  const std::vector<float> ones(batch_.target_rows.size(), 1.0f);
  ops::ScatterAdd(context, d, dfinal, batch_.target_rows, ones);

  for (int64_t i = config.num_hidden_layers - 1; i >= lowest_; --i) {
    const ops::Scratch::Frame frame(context.scratch);
    const TrainingLayer layer(*step_, i);
    LayerActivations& kept = kept_[static_cast<size_t>(i - lowest_)];
    if (i < whole_) {
      kept = layer.Allocate(context.scratch, kept.input);
      layer.Forward(context, context.scratch, kept, {});
    }
    layer.Backward(context, kept,
                   i == lowest_ ? TrainingLayer::Depth::kLowest : TrainingLayer::Depth::kBelow, d,
                   sink);
  }
  step_.reset();
}

}  // namespace hyprstream::model
