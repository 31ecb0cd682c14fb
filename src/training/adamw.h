// AdamW (Loshchilov & Hutter 2019, algorithm 2) on a run of weights: decoupled decay, bias
// correction, epsilon outside the root, as PyTorch computes it. Knows nothing of where weights
// live: dense tensors and tiles of a grid are updated by the same function. Any thread.
#pragma once

#include <cstdint>
#include <span>

namespace hyprstream::training {

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.01;
};

/// What one step multiplies with; the same for all weights of the same age.
struct AdamWStep {
  float beta1, beta2;
  float epsilon;
  float keep;             // 1 − learning_rate · weight_decay
  float step_size;        // learning_rate / (1 − beta1^t)
  float root_correction;  // 1 / sqrt(1 − beta2^t)

  /// `t` counts updates of these weights, the first being 1.
  AdamWStep(const AdamWOptions& options, double learning_rate, int64_t t)
      : AdamWStep(options, learning_rate, t, t) {}
  /// Weights whose second moment did not begin at zero have counts of their own for each moment.
  AdamWStep(const AdamWOptions& options, double learning_rate, int64_t first, int64_t second);
};

/// All spans have the same length. `gradient` is multiplied by `gradient_scale` (clipping) first.
void UpdateAdamW(const AdamWStep& step, float gradient_scale, std::span<const float> gradient,
                 std::span<float> weights, std::span<float> first, std::span<float> second);

}  // namespace hyprstream::training
