// The inverse frequencies of rotary position embedding under every supported scaling scheme.
// Formulas as in transformers' modeling_rope_utils. Immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "model/config.h"

namespace hyprstream::model {

class RopeFrequencies {
 public:
  /// `factors`: what each default frequency is divided by (GGUF's rope_freqs), [head_dim / 2] or
  /// empty. They replace the configuration's scaling.
  RopeFrequencies(const ModelConfig& config, std::span<const float> factors);

  /// [head_dim / 2]; for dynamic scaling, those of sequences up to the trained context.
  std::span<const float> inv_freq() const { return inv_freq_; }
  /// Both cos and sin are multiplied by it.
  float magnitude() const { return magnitude_; }

  /// True when frequencies depend on the sequence's length.
  bool dynamic() const { return dynamic_; }
  /// Dynamic scaling (NTK): frequencies for a sequence of `length` tokens.
  std::vector<float> ForLength(int64_t length) const;

 private:
  std::vector<float> inv_freq_;
  float magnitude_ = 1.0f;
  bool dynamic_ = false;
  double theta_;
  double factor_;
  int64_t head_dim_;
  int64_t trained_context_;
};

/// What the configuration's scaling divides each default frequency by, [head_dim / 2]: GGUF's
/// rope_freqs.weight.
std::vector<float> RopeFactorsOf(const ModelConfig& config);

/// The scaling of Llama 3 that gives these factors. GGUF does not say low_freq_factor and the
/// trained context apart, only their ratio: the former is taken to be 1. Nothing when no such
/// scaling gives them.
std::optional<RopeConfig> Llama3ScalingOf(const ModelConfig& config,
                                          std::span<const float> factors);

}  // namespace hyprstream::model
