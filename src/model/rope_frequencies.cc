#include "model/rope_frequencies.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

#include "base/error.h"

namespace hyprstream::model {
namespace {

constexpr double kPi = std::numbers::pi;

// theta^(-2i/d). The exponent and the power are f32 in the reference; doing them in double and
// rounding once is within an ulp of it.
std::vector<float> DefaultFrequencies(double theta, int64_t head_dim) {
  std::vector<float> inv_freq(static_cast<size_t>(head_dim / 2));
  for (size_t i = 0; i < inv_freq.size(); ++i) {
    const double exponent = 2.0 * static_cast<double>(i) / static_cast<double>(head_dim);
    inv_freq[i] = static_cast<float>(1.0 / std::pow(theta, exponent));
  }
  return inv_freq;
}

// Llama 3.1: long wavelengths are stretched by the factor, short ones kept, a ramp between.
void ScaleLlama3(const RopeConfig& rope, std::span<float> inv_freq) {
  const auto original = static_cast<double>(rope.original_context);
  for (float& value : inv_freq) {
    const double inv = value;
    const double wavelength = 2.0 * kPi / inv;
    if (wavelength > original / rope.low_freq_factor) {
      value = static_cast<float>(inv / rope.factor);
    } else if (wavelength >= original / rope.high_freq_factor) {
      const double smooth = (original / wavelength - rope.low_freq_factor) /
                            (rope.high_freq_factor - rope.low_freq_factor);
      value = static_cast<float>((1.0 - smooth) * inv / rope.factor + smooth * inv);
    }
  }
}

// YaRN (Peng et al. 2023), equations 17–23.
void ScaleYarn(const RopeConfig& rope, int64_t head_dim, std::span<float> inv_freq) {
  const auto d = static_cast<double>(head_dim);
  const auto correction = [&](double rotations) {
    return d * std::log(static_cast<double>(rope.original_context) / (rotations * 2.0 * kPi)) /
           (2.0 * std::log(rope.theta));
  };
  double low = correction(rope.beta_fast);
  double high = correction(rope.beta_slow);
  if (rope.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, d - 1.0);
  if (low == high) high += 0.001;
  for (size_t i = 0; i < inv_freq.size(); ++i) {
    const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
    const double inv = inv_freq[i];
    inv_freq[i] = static_cast<float>(inv / rope.factor * ramp + inv * (1.0 - ramp));
  }
}

double YarnMagnitude(const RopeConfig& rope) {
  if (rope.attention_factor) return *rope.attention_factor;
  const auto grow = [&](double mscale) {
    return rope.factor <= 1.0 ? 1.0 : 0.1 * mscale * std::log(rope.factor) + 1.0;
  };
  if (rope.mscale.value_or(0) != 0 && rope.mscale_all_dim.value_or(0) != 0) {
    return grow(*rope.mscale) / grow(*rope.mscale_all_dim);
  }
  return grow(1.0);
}

}  // namespace

RopeFrequencies::RopeFrequencies(const ModelConfig& config, std::span<const float> factors)
    : inv_freq_(DefaultFrequencies(config.rope.theta, config.head_dim)),
      theta_(config.rope.theta),
      factor_(config.rope.factor),
      head_dim_(config.head_dim),
      trained_context_(config.max_position_embeddings) {
  if (!factors.empty()) {
    HYPR_CHECK(factors.size() == inv_freq_.size());
    for (size_t i = 0; i < factors.size(); ++i) inv_freq_[i] /= factors[i];
    return;
  }
  switch (config.rope.kind) {
    case RopeKind::kDefault:
      break;
    case RopeKind::kLinear:
      for (float& value : inv_freq_) value = static_cast<float>(value / config.rope.factor);
      break;
    case RopeKind::kDynamic:
      dynamic_ = true;
      break;
    case RopeKind::kLlama3:
      ScaleLlama3(config.rope, inv_freq_);
      break;
    case RopeKind::kYarn:
      ScaleYarn(config.rope, config.head_dim, inv_freq_);
      magnitude_ = static_cast<float>(YarnMagnitude(config.rope));
      break;
  }
}

std::vector<float> RopeFrequencies::ForLength(int64_t length) const {
  HYPR_CHECK(dynamic_);
  if (length <= trained_context_) return inv_freq_;
  const auto d = static_cast<double>(head_dim_);
  const double stretch =
      factor_ * static_cast<double>(length) / static_cast<double>(trained_context_) -
      (factor_ - 1.0);
  return DefaultFrequencies(theta_ * std::pow(stretch, d / (d - 2.0)), head_dim_);
}

std::vector<float> RopeFactorsOf(const ModelConfig& config) {
  ModelConfig plain = config;
  plain.rope.kind = RopeKind::kDefault;
  const RopeFrequencies unscaled(plain, {}), scaled(config, {});
  std::vector<float> factors;
  for (size_t i = 0; i < scaled.inv_freq().size(); ++i) {
    factors.push_back(unscaled.inv_freq()[i] / scaled.inv_freq()[i]);
  }
  return factors;
}

namespace {

/// A frequency inside the ramp: how many turns it makes for each token, and how far it is from
/// scaled (0) to kept (1).
struct RampPoint {
  double turns = 0;
  double share = 0;
};

std::vector<RampPoint> RampOf(const ModelConfig& config, std::span<const float> factors,
                              double factor) {
  const std::vector<float> inv_freq = DefaultFrequencies(config.rope.theta, config.head_dim);
  const double floor = 1.0 / factor;
  std::vector<RampPoint> ramp;
  for (size_t i = 0; i < std::min(factors.size(), inv_freq.size()); ++i) {
    const double share = (1.0 / factors[i] - floor) / (1.0 - floor);
    if (share > 1e-3 && share < 1 - 1e-3) ramp.push_back({inv_freq[i] / (2 * kPi), share});
  }
  return ramp;
}

/// Trained contexts for the usual bounds 1 and 4, that may give a ramp: share = (context · turns −
/// 1) / 3. Without a frequency inside, one between the last that is kept and the first that is
/// scaled.
std::vector<double> LikelyContexts(const ModelConfig& config, std::span<const float> factors,
                                   std::span<const RampPoint> ramp) {
  std::vector<double> contexts = {8192};  // what Meta publishes
  for (const RampPoint& point : ramp) contexts.push_back((3 * point.share + 1) / point.turns);
  const std::vector<float> inv_freq = DefaultFrequencies(config.rope.theta, config.head_dim);
  const auto scaled = std::ranges::find_if(factors, [](float f) { return f > 1.001f; });
  const auto first = static_cast<size_t>(scaled - factors.begin());
  if (ramp.empty() && first > 0 && first < std::min(factors.size(), inv_freq.size())) {
    const double kept = 4 * 2 * kPi / inv_freq[first - 1], lost = 2 * kPi / inv_freq[first];
    contexts.push_back(std::sqrt(kept * lost));
  }
  return contexts;
}

}  // namespace

std::optional<RopeConfig> Llama3ScalingOf(const ModelConfig& config,
                                          std::span<const float> factors) {
  const auto gives = [&](const RopeConfig& rope) {
    ModelConfig tried = config;
    tried.rope = rope;
    return std::ranges::equal(RopeFactorsOf(tried), factors, [](float a, float b) {
      return std::fabs(a - b) <= 1e-5f * std::fabs(b);
    });
  };
  RopeConfig rope;
  rope.kind = RopeKind::kLlama3;
  rope.theta = config.rope.theta;
  rope.factor = factors.empty() ? 1.0 : *std::ranges::max_element(factors);
  const std::vector<RampPoint> ramp = RampOf(config, factors, rope.factor);
  for (const double context : LikelyContexts(config, factors, ramp)) {
    rope.original_context = std::llround(context);
    if (gives(rope)) return rope;
  }
  if (ramp.size() < 2) return std::nullopt;
  // share = (context · turns − low) / (high − low): two frequencies give that line.
  const auto [fast, fast_share] = ramp.front();
  const auto [slow, slow_share] = ramp.back();
  const double slope = (fast_share - slow_share) / (fast - slow);
  const double offset = slope * slow - slow_share;
  if (!(offset > 0) || !(slope > 0)) return std::nullopt;
  rope.high_freq_factor = 1.0 + 1.0 / offset;
  rope.original_context = std::llround(slope / offset);
  if (!gives(rope)) return std::nullopt;
  return rope;
}

}  // namespace hyprstream::model
