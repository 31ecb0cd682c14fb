#include "training/adamw.h"

#include <cmath>

#include "base/error.h"

namespace hyprstream::training {

AdamWStep::AdamWStep(const AdamWOptions& options, double learning_rate, int64_t first,
                     int64_t second)
    : beta1(static_cast<float>(options.beta1)),
      beta2(static_cast<float>(options.beta2)),
      epsilon(static_cast<float>(options.epsilon)),
      keep(static_cast<float>(1.0 - learning_rate * options.weight_decay)),
      step_size(static_cast<float>(learning_rate /
                                   (1.0 - std::pow(options.beta1, static_cast<double>(first))))),
      root_correction(static_cast<float>(
          1.0 / std::sqrt(1.0 - std::pow(options.beta2, static_cast<double>(second))))) {
  HYPR_CHECK(first >= 1 && second >= 1);
}

void UpdateAdamW(const AdamWStep& step, float gradient_scale, std::span<const float> gradient,
                 std::span<float> weights, std::span<float> first, std::span<float> second) {
  const size_t count = weights.size();
  HYPR_CHECK(gradient.size() == count && first.size() == count && second.size() == count);
  for (size_t i = 0; i < count; ++i) {
    const float g = gradient[i] * gradient_scale;
    const float m = step.beta1 * first[i] + (1.0f - step.beta1) * g;
    const float v = step.beta2 * second[i] + (1.0f - step.beta2) * (g * g);
    first[i] = m;
    second[i] = v;
    const float root = std::sqrt(v) * step.root_correction + step.epsilon;
    weights[i] = step.keep * weights[i] - step.step_size * (m / root);
  }
}

}  // namespace hyprstream::training
