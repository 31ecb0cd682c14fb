// Blocks of 256: sub-blocks whose scales (and minima) are small integers times half-precision
// numbers of the whole block. First each sub-block alone finds its best real scale; then integers
// and the block's numbers take turns: each sub-block takes the best of the integers around its
// scale, the block's numbers become those with the least squared error for all integers, and again.
#include <algorithm>
#include <vector>

#include "tensor/quantize_blocks.h"
#include "tensor/quantize_fit.h"

namespace hyprstream {
namespace {

using fit::Code;
constexpr int kSuper = 256;
constexpr int kTurns = 3;

/// Q4_K and Q5_K: 8 sub-blocks of 32, scale and minimum from 0 to 63.
struct Ramp {
  static constexpr int kSub = 32;
  static constexpr int kSubs = kSuper / kSub;
  static constexpr float kMaxFactor = 63;

  float d = 0, dmin = 0;
  std::array<float, kSubs> scales{}, minima{};
  std::array<Code<kSub>, kSubs> codes;
  float error = INFINITY;
};

Code<Ramp::kSub> SearchLine(const float* x, float top) {
  constexpr int kSub = Ramp::kSub;
  const auto [least, most] = std::minmax_element(x, x + kSub);
  const float lowest = std::min(*least, 0.0f), highest = std::max(*most, lowest);
  Code<kSub> best = fit::Quantize<kSub>(x, 0, -lowest, 0, top);
  if (highest == lowest) return best;
  for (float level = top - 2; level <= top + 3; level += 0.5f) {
    fit::Line line{(highest - lowest) / level, -lowest};
    for (int pass = 0; pass < 2; ++pass) {
      const auto rounded = fit::Quantize<kSub>(x, line.scale, line.minimum, 0, top);
      fit::Keep(best, rounded);
      line = fit::BestLine<kSub>(x, rounded.q);
    }
    fit::Keep(best, fit::Quantize<kSub>(x, line.scale, line.minimum, 0, top));
  }
  return best;
}

float Nearest(float value, float unit, float lo, float hi) {
  return unit == 0 ? 0.0f : fit::Round(std::clamp(value / unit, lo, hi));
}

/// Every sub-block's integers for the block's d and dmin.
Ramp WithIntegers(const float* x, float d, float dmin, const std::vector<fit::Line>& wishes,
                  float top) {
  Ramp ramp{.d = d, .dmin = dmin, .codes = {}, .error = 0};
  for (size_t s = 0; s < Ramp::kSubs; ++s) {
    const float* part = x + s * Ramp::kSub;
    const float scale = Nearest(wishes[s].scale, d, 0, Ramp::kMaxFactor);
    const float minimum = Nearest(wishes[s].minimum, dmin, 0, Ramp::kMaxFactor);
    Code<Ramp::kSub>& best = ramp.codes[s];
    for (float a = std::max(scale - 1, 0.0f); a <= std::min(scale + 1, Ramp::kMaxFactor); ++a) {
      for (float b = std::max(minimum - 1, 0.0f); b <= std::min(minimum + 1, Ramp::kMaxFactor);
           ++b) {
        const auto code = fit::Quantize<Ramp::kSub>(part, d * a, dmin * b, 0, top);
        if (code.error >= best.error) continue;
        best = code;
        ramp.scales[s] = a;
        ramp.minima[s] = b;
      }
    }
    ramp.error += best.error;
  }
  return ramp;
}

/// d and dmin with the least error for the block's integers: two linear equations.
fit::Line BestUnits(const float* x, const Ramp& ramp) {
  double aa = 0, ab = 0, bb = 0, xa = 0, xb = 0;
  for (size_t s = 0; s < Ramp::kSubs; ++s) {
    for (size_t i = 0; i < Ramp::kSub; ++i) {
      const double a = ramp.scales[s] * ramp.codes[s].q[i], b = ramp.minima[s];
      const double value = x[s * Ramp::kSub + i];
      aa += a * a;
      ab += a * b;
      bb += b * b;
      xa += value * a;
      xb += value * b;
    }
  }
  const double determinant = aa * bb - ab * ab;
  if (determinant > 1e-9 * aa * bb) {
    const double d = (xa * bb - xb * ab) / determinant, dmin = (xa * ab - xb * aa) / determinant;
    if (d >= 0 && dmin >= 0) return {static_cast<float>(d), static_cast<float>(dmin)};
  }
  if (aa == 0) return {0, bb > 0 ? static_cast<float>(std::max(-xb / bb, 0.0)) : 0.0f};
  return {static_cast<float>(std::max(xa / aa, 0.0)), ramp.dmin};
}

Ramp SearchRamp(std::span<const float> x, float top) {
  std::vector<fit::Line> wishes(Ramp::kSubs);
  fit::Line largest;
  for (size_t s = 0; s < Ramp::kSubs; ++s) {
    const auto code = SearchLine(x.data() + s * Ramp::kSub, top);
    wishes[s] = {code.scale, code.minimum};
    largest.scale = std::max(largest.scale, code.scale);
    largest.minimum = std::max(largest.minimum, code.minimum);
  }
  Ramp best;
  fit::Line units{largest.scale / Ramp::kMaxFactor, largest.minimum / Ramp::kMaxFactor};
  for (int turn = 0; turn < kTurns; ++turn) {
    const Ramp ramp =
        WithIntegers(x.data(), fit::AsHalf(units.scale), fit::AsHalf(units.minimum), wishes, top);
    if (ramp.error < best.error) best = ramp;
    units = BestUnits(x.data(), ramp);
  }
  return best;
}

/// Eight pairs of six bits in twelve bytes: the last four pairs give their upper two bits to the
/// first eight bytes.
void PackFactors(const Ramp& ramp, uint8_t* out) {
  for (size_t s = 0; s < 4; ++s) {
    const auto scale = static_cast<unsigned>(ramp.scales[s]);
    const auto minimum = static_cast<unsigned>(ramp.minima[s]);
    const auto late_scale = static_cast<unsigned>(ramp.scales[s + 4]);
    const auto late_minimum = static_cast<unsigned>(ramp.minima[s + 4]);
    out[s] = static_cast<uint8_t>(scale | (late_scale >> 4) << 6);
    out[s + 4] = static_cast<uint8_t>(minimum | (late_minimum >> 4) << 6);
    out[s + 8] = static_cast<uint8_t>((late_scale & 15u) | (late_minimum & 15u) << 4);
  }
}

template <typename Block>
void PackRamp(const Ramp& ramp, Block& block) {
  block.d = F32ToF16(ramp.d);
  block.dmin = F32ToF16(ramp.dmin);
  PackFactors(ramp, block.scales);
  for (size_t c = 0; c < 4; ++c) {
    for (size_t l = 0; l < 32; ++l) {
      const auto low = static_cast<unsigned>(ramp.codes[2 * c].q[l]);
      const auto high = static_cast<unsigned>(ramp.codes[2 * c + 1].q[l]);
      block.qs[32 * c + l] = static_cast<uint8_t>((low & 15u) | (high & 15u) << 4);
    }
  }
}

/// Q6_K: 16 sub-blocks of 16, signed scales of eight bits, levels −32 to 31.
struct Steps {
  static constexpr int kSub = 16;
  static constexpr int kSubs = kSuper / kSub;
  static constexpr float kLow = -32, kHigh = 31, kMaxFactor = 127;

  float d = 0;
  std::array<float, kSubs> scales{};
  std::array<Code<kSub>, kSubs> codes;
  float error = INFINITY;
};

Code<Steps::kSub> SearchSteps(const float* x) {
  constexpr int kSub = Steps::kSub;
  const auto quantize = [&](float scale) {
    return fit::Quantize<kSub>(x, scale, 0, Steps::kLow, Steps::kHigh);
  };
  Code<kSub> best = quantize(0);
  float largest = 0;
  for (int i = 0; i < kSub; ++i) largest = std::max(largest, std::fabs(x[i]));
  if (largest == 0) return best;
  for (float level = 29.0f; level <= 34.0f; level += 0.5f) {
    for (const float scale : {largest / level, -largest / level}) {
      const auto rounded = quantize(scale);
      fit::Keep(best, rounded);
      fit::Keep(best, quantize(fit::BestScale<kSub>(x, rounded.q)));
    }
  }
  return best;
}

Steps WithIntegers(const float* x, float d, const std::array<float, Steps::kSubs>& wishes) {
  Steps steps{.d = d, .codes = {}, .error = 0};
  for (size_t s = 0; s < Steps::kSubs; ++s) {
    const float middle = Nearest(wishes[s], d, -Steps::kMaxFactor, Steps::kMaxFactor);
    Code<Steps::kSub>& best = steps.codes[s];
    for (const float a : {middle - 1, middle, middle + 1}) {
      if (std::fabs(a) > Steps::kMaxFactor) continue;
      const auto code =
          fit::Quantize<Steps::kSub>(x + s * Steps::kSub, d * a, 0, Steps::kLow, Steps::kHigh);
      if (code.error >= best.error) continue;
      best = code;
      steps.scales[s] = a;
    }
    steps.error += best.error;
  }
  return steps;
}

float BestUnit(const float* x, const Steps& steps) {
  double products = 0, squares = 0;
  for (size_t s = 0; s < Steps::kSubs; ++s) {
    for (size_t i = 0; i < Steps::kSub; ++i) {
      const double a = steps.scales[s] * steps.codes[s].q[i];
      products += x[s * Steps::kSub + i] * a;
      squares += a * a;
    }
  }
  return squares > 0 ? static_cast<float>(products / squares) : 0.0f;
}

}  // namespace

void EncodeBlock(std::span<const float> x, BlockQ4_K& block) { PackRamp(SearchRamp(x, 15), block); }

void EncodeBlock(std::span<const float> x, BlockQ5_K& block) {
  const Ramp ramp = SearchRamp(x, 31);
  PackRamp(ramp, block);
  for (size_t l = 0; l < 32; ++l) {
    unsigned bits = 0;
    for (size_t g = 0; g < Ramp::kSubs; ++g) {
      bits |= (static_cast<unsigned>(ramp.codes[g].q[l]) >> 4) << g;
    }
    block.qh[l] = static_cast<uint8_t>(bits);
  }
}

void EncodeBlock(std::span<const float> x, BlockQ6_K& block) {
  std::array<float, Steps::kSubs> wishes;
  float largest = 0;
  for (size_t s = 0; s < Steps::kSubs; ++s) {
    wishes[s] = SearchSteps(x.data() + s * Steps::kSub).scale;
    largest = std::max(largest, std::fabs(wishes[s]));
  }
  Steps best;
  float unit = largest / Steps::kMaxFactor;
  for (int turn = 0; turn < kTurns; ++turn) {
    const Steps steps = WithIntegers(x.data(), fit::AsHalf(unit), wishes);
    if (steps.error < best.error) best = steps;
    unit = BestUnit(x.data(), steps);
  }
  block.d = F32ToF16(best.d);
  for (size_t s = 0; s < Steps::kSubs; ++s) block.scales[s] = static_cast<int8_t>(best.scales[s]);
  const auto level = [&](size_t e) {
    return static_cast<unsigned>(static_cast<int>(best.codes[e / 16].q[e % 16]) + 32);
  };
  for (size_t h = 0; h < 2; ++h) {
    for (size_t l = 0; l < 32; ++l) {
      const size_t at = 128 * h + l;
      const unsigned a = level(at), b = level(at + 32), c = level(at + 64), e = level(at + 96);
      block.ql[64 * h + l] = static_cast<uint8_t>((a & 15u) | (c & 15u) << 4);
      block.ql[64 * h + 32 + l] = static_cast<uint8_t>((b & 15u) | (e & 15u) << 4);
      block.qh[32 * h + l] =
          static_cast<uint8_t>((a >> 4) | (b >> 4) << 2 | (c >> 4) << 4 | (e >> 4) << 6);
    }
  }
}

}  // namespace hyprstream
