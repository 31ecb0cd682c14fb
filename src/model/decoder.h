// The decoder that all families share: pre-norm attention and SwiGLU blocks with residual sums, as
// described in the transformers models of the same names. Families differ in the configuration's
// switches only.
#pragma once

#include <memory>
#include <string>

#include "model/model.h"
#include "model/rope_frequencies.h"
#include "model/weights.h"
#include "ops/rope.h"

namespace hyprstream::model {

class Decoder final : public Model {
 public:
  /// `files` may be null (weights made in memory). `reservation` holds the weights' place in a
  /// budget.
  Decoder(ModelConfig config, Weights weights, std::shared_ptr<const formats::ModelFiles> files,
          std::string fingerprint, Reservation reservation);

  const ModelConfig& config() const override { return config_; }
  uint64_t bytes_per_token() const override { return weights_.bytes_per_token; }
  uint64_t weight_bytes() const override { return weights_.bytes; }
  const std::string& fingerprint() const override { return fingerprint_; }

  const Weights& weights() const { return weights_; }
  const RopeFrequencies& rope() const { return rope_; }

  void Forward(ops::Context& context, const Batch& batch, const CacheView& cache, Matrix logits,
               const Observer* observer) const override;

 private:
  void AttentionBlock(ops::Context& context, const Batch& batch, const CacheView& cache,
                      int64_t layer, const ops::RopeTable& rotation, Matrix x) const;
  void MlpBlock(ops::Context& context, const Batch& batch, int64_t layer, Matrix x) const;

  const ModelConfig config_;
  const std::shared_ptr<const formats::ModelFiles> files_;
  const Weights weights_;
  const RopeFrequencies rope_;
  const std::string fingerprint_;
  const Reservation reservation_;
};

}  // namespace hyprstream::model
