#include "model/decoder.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "model/feed_forward.h"
#include "model/gather_rows.h"
#include "model/segments.h"
#include "ops/attention.h"
#include "ops/norm.h"
#include "ops/pointwise.h"
#include "ops/rope.h"

namespace hyprstream::model {
namespace {

// Cosines and sines of the batch's positions, for all layers; with dynamic scaling every sequence
// has frequencies of its own.
ops::RopeTable PrepareRotation(ops::Context& context, const RopeFrequencies& rope,
                               const Batch& batch) {
  if (!rope.dynamic()) {
    return ops::PrepareRope(context, batch.positions, rope.inv_freq(), rope.magnitude());
  }
  const auto half = static_cast<int64_t>(rope.inv_freq().size());
  const Matrix cos = context.scratch.AllocateMatrix(batch.rows(), half);
  const Matrix sin = context.scratch.AllocateMatrix(batch.rows(), half);
  for (size_t i = 0; i < batch.sequences.size(); ++i) {
    const ops::SequenceRows& rows = batch.sequences[i];
    const auto begin = static_cast<size_t>(rows.row_begin);
    const auto count = static_cast<size_t>(rows.row_end - rows.row_begin);
    const int64_t prompt = batch.prompt_lengths.empty() ? 0 : batch.prompt_lengths[i];
    // A prompt's tokens are rotated as one piece however it is cut; later ones by their own length.
    for (size_t row = begin; row < begin + count;) {
      const int64_t length = std::max(prompt, int64_t{batch.positions[row]} + 1);
      const bool whole = length == prompt;
      const size_t last =
          whole ? std::min(begin + count, row + static_cast<size_t>(prompt - batch.positions[row]))
                : row + 1;
      const ops::Scratch::Frame frame(context.scratch);
      const ops::RopeTable piece =
          ops::PrepareRope(context, batch.positions.subspan(row, last - row),
                           rope.ForLength(length), rope.magnitude());
      std::copy_n(piece.cos.data, piece.cos.rows * half, cos.row(static_cast<int64_t>(row)));
      std::copy_n(piece.sin.data, piece.sin.rows * half, sin.row(static_cast<int64_t>(row)));
      row = last;
    }
  }
  return {cos, sin};
}

}  // namespace

Decoder::Decoder(ModelConfig config, Weights weights,
                 std::shared_ptr<const formats::ModelFiles> files, std::string fingerprint,
                 Reservation reservation)
    : config_(std::move(config)),
      files_(std::move(files)),
      weights_(std::move(weights)),
      rope_(config_, weights_.rope_factors),
      fingerprint_(std::move(fingerprint)),
      reservation_(std::move(reservation)) {}

void Decoder::Forward(ops::Context& context, const Batch& batch, const CacheView& cache,
                      Matrix logits, const Observer* observer) const {
  const ops::Scratch::Frame frame(context.scratch);
  HYPR_CHECK(logits.rows == static_cast<int64_t>(batch.output_rows.size()));
  Matrix x = context.scratch.AllocateMatrix(batch.rows(), config_.hidden_size);
  ops::EmbeddingLookup(context, weights_.embedding, batch.tokens, x);
  if (observer != nullptr) (*observer)("embedding", -1, x);

  const ops::RopeTable rotation = PrepareRotation(context, rope_, batch);
  for (int64_t layer = 0; layer < config_.num_hidden_layers; ++layer) {
    AttentionBlock(context, batch, cache, layer, rotation, x);
    MlpBlock(context, batch, layer, x);
    if (observer != nullptr) (*observer)("layer", layer, x);
  }

  if (observer != nullptr) {
    Matrix normed = context.scratch.AllocateMatrix(batch.rows(), config_.hidden_size);
    ops::RmsNorm(context, x, weights_.final_norm, config_.rms_norm_eps, normed);
    (*observer)("final_norm", -1, normed);
  }
  if (batch.output_rows.empty()) return;
  Matrix last = GatherRows(context.scratch, x, batch.output_rows);
  ops::RmsNorm(context, last, weights_.final_norm, config_.rms_norm_eps, last);
  const ops::LinearCall head{&*weights_.head, logits, {}};
  ops::Linear(context, last, {&head, 1});
}

// x += o_proj(attention(norm(x)))
void Decoder::AttentionBlock(ops::Context& context, const Batch& batch, const CacheView& cache,
                             int64_t layer, const ops::RopeTable& rotation, Matrix x) const {
  const ops::Scratch::Frame frame(context.scratch);
  ops::Scratch& scratch = context.scratch;
  const AttentionWeights& weights = weights_.layers[static_cast<size_t>(layer)].attention;
  const int64_t rows = batch.rows();
  const int64_t head_dim = config_.head_dim;
  const ModuleSegments segments(scratch, batch.adapters, layer);

  Matrix h = scratch.AllocateMatrix(rows, config_.hidden_size);
  ops::RmsNorm(context, x, weights.norm, config_.rms_norm_eps, h);

  Matrix q = scratch.AllocateMatrix(rows, config_.num_attention_heads * head_dim);
  Matrix k = scratch.AllocateMatrix(rows, config_.num_key_value_heads * head_dim);
  Matrix v = scratch.AllocateMatrix(rows, config_.num_key_value_heads * head_dim);
  const ops::LinearCall qkv[] = {{&weights.q, q, segments.For(Module::kQ)},
                                 {&weights.k, k, segments.For(Module::kK)},
                                 {&weights.v, v, segments.For(Module::kV)}};
  ops::Linear(context, h, qkv);
  if (config_.qk_norm) {
    ops::RmsNormHeads(context, q, weights.q_norm, config_.rms_norm_eps);
    ops::RmsNormHeads(context, k, weights.k_norm, config_.rms_norm_eps);
  }
  ops::Rope(context, q, head_dim, rotation);
  ops::Rope(context, k, head_dim, rotation);

  const ops::KvLayerView layer_cache = cache.Layer(layer);
  ops::StoreKeysValues(context, k, v, layer_cache, batch.sequences);
  Matrix attended = scratch.AllocateMatrix(rows, q.cols);
  const ops::AttentionOptions options{.scale = 1.0f / std::sqrt(static_cast<float>(head_dim)),
                                      .window = config_.window[static_cast<size_t>(layer)]};
  ops::Attention(context, q, layer_cache, batch.sequences, options, attended);

  const ops::LinearCall output{&weights.o, h, segments.For(Module::kO)};
  ops::Linear(context, attended, {&output, 1});
  ops::AddInPlace(context, x, h);
}

// x += mlp(norm(x))
void Decoder::MlpBlock(ops::Context& context, const Batch& batch, int64_t layer, Matrix x) const {
  const ops::Scratch::Frame frame(context.scratch);
  const LayerWeights& weights = weights_.layers[static_cast<size_t>(layer)];
  Matrix h = context.scratch.AllocateMatrix(x.rows, x.cols);
  ops::RmsNorm(context, x, weights.mlp_norm, config_.rms_norm_eps, h);
  if (weights.router) {
    MixtureOfExperts(context, weights, config_.moe, batch.adapters, layer, h, x);
  } else {
    Matrix delta = context.scratch.AllocateMatrix(x.rows, x.cols);
    const ModuleSegments segments(context.scratch, batch.adapters, layer);
    FeedForward(context, weights.mlp.front(), segments, h, delta);
    ops::AddInPlace(context, x, delta);
  }
}

}  // namespace hyprstream::model
