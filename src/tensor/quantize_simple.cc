// Blocks of 32 with a half-precision scale of their own. Candidates: the scales at which the
// largest element falls on or near the last level, in both directions, each followed by the scale
// with the least error for the integers it gives. Of those whose squared error is not above that of
// the usual choice (the largest element exactly on the last level), the one is taken with the least
// error when large elements count for more (x² + the block's mean square, as llama.cpp weighs them
// where it searches). What that does to the loss: docs/conversion.md.
#include <algorithm>

#include "tensor/quantize_blocks.h"
#include "tensor/quantize_fit.h"

namespace hyprstream {
namespace {

using fit::Code;
constexpr int kBlock = 32;

/// Where the largest element is tried: `first` to `last` levels from zero.
struct Levels {
  float lo = 0, hi = 0;
  float first = 0, last = 0, step = 0;
  bool mirrored = false;  // a negative scale gives other levels
};

/// What an error of each element counts, up to a common factor.
std::array<float, kBlock> WeightsOf(std::span<const float> x, float largest) {
  std::array<float, kBlock> weights;
  float mean = 0;
  for (size_t i = 0; i < kBlock; ++i) {
    weights[i] = (x[i] / largest) * (x[i] / largest);
    mean += weights[i] / kBlock;
  }
  for (float& weight : weights) weight += mean;
  return weights;
}

Code<kBlock> SearchScale(std::span<const float> x, const Levels& levels) {
  const auto round = [&](float scale) {
    return fit::Quantize<kBlock>(x.data(), fit::AsHalf(scale), 0, levels.lo, levels.hi);
  };
  const float extreme = *std::ranges::max_element(x, {}, [](float v) { return std::fabs(v); });
  const float largest = std::fabs(extreme);
  Code<kBlock> best = round(levels.mirrored ? extreme / levels.lo : largest / levels.hi);
  if (largest == 0) return best;
  const auto weights = WeightsOf(x, largest);
  const float allowed = best.error;
  float least = fit::WeightedError<kBlock>(x.data(), weights, best);
  const auto keep = [&](const Code<kBlock>& code) {
    if (code.error > allowed) return;
    const float error = fit::WeightedError<kBlock>(x.data(), weights, code);
    if (error >= least) return;
    least = error;
    best = code;
  };
  const auto attempt = [&](float scale) {
    const auto rounded = round(scale);
    keep(rounded);
    keep(round(fit::BestScale<kBlock>(x.data(), weights, rounded.q)));
  };
  for (float level = levels.first; level <= levels.last; level += levels.step) {
    attempt(largest / level);
    if (levels.mirrored) attempt(-largest / level);
  }
  return best;
}

template <typename Block>
void PackNibbles(const Code<kBlock>& code, int offset, Block& block) {
  for (size_t j = 0; j < 16; ++j) {
    const auto low = static_cast<unsigned>(static_cast<int>(code.q[j]) + offset);
    const auto high = static_cast<unsigned>(static_cast<int>(code.q[j + 16]) + offset);
    block.qs[j] = static_cast<uint8_t>((low & 15u) | (high & 15u) << 4);
  }
}

template <typename Block>
void PackFifthBits(const Code<kBlock>& code, int offset, Block& block) {
  uint32_t bits = 0;
  for (size_t j = 0; j < kBlock; ++j) {
    const auto level = static_cast<unsigned>(static_cast<int>(code.q[j]) + offset);
    bits |= (level >> 4 & 1u) << j;
  }
  for (size_t i = 0; i < 4; ++i) block.qh[i] = static_cast<uint8_t>(bits >> (8 * i));
}

}  // namespace

void EncodeBlock(std::span<const float> x, BlockQ8_0& block) {
  const auto code =
      SearchScale(x, {.lo = -127, .hi = 127, .first = 126.5f, .last = 129.0f, .step = 0.25f});
  block.d = F32ToF16(code.scale);
  for (size_t j = 0; j < kBlock; ++j) block.qs[j] = static_cast<int8_t>(code.q[j]);
}

void EncodeBlock(std::span<const float> x, BlockQ4_0& block) {
  const auto code = SearchScale(
      x, {.lo = -8, .hi = 7, .first = 6.0f, .last = 9.0f, .step = 0.25f, .mirrored = true});
  block.d = F32ToF16(code.scale);
  PackNibbles(code, 8, block);
}

void EncodeBlock(std::span<const float> x, BlockQ5_0& block) {
  const auto code = SearchScale(
      x, {.lo = -16, .hi = 15, .first = 14.0f, .last = 17.5f, .step = 0.25f, .mirrored = true});
  block.d = F32ToF16(code.scale);
  PackNibbles(code, 16, block);
  PackFifthBits(code, 16, block);
}

void EncodeBlock(std::span<const float> x, BlockQ5_1& block) {
  constexpr float kTop = 31;
  const auto [lowest, highest] = std::ranges::minmax(x);
  Code<kBlock> best = fit::Quantize<kBlock>(x.data(), 0, fit::AsHalf(-lowest), 0, kTop);
  for (float level = kTop - 2; level <= kTop + 2; level += 0.5f) {
    float scale = fit::AsHalf((highest - lowest) / level), minimum = fit::AsHalf(-lowest);
    for (int pass = 0; pass < 3 && scale > 0; ++pass) {
      const auto rounded = fit::Quantize<kBlock>(x.data(), scale, minimum, 0, kTop);
      fit::Keep(best, rounded);
      // With the minimum free of sign: the same line through values moved above zero.
      std::array<float, kBlock> moved;
      for (size_t i = 0; i < kBlock; ++i) moved[i] = x[i] - highest;
      const fit::Line line = fit::BestLine<kBlock>(moved.data(), rounded.q);
      scale = fit::AsHalf(line.scale);
      minimum = fit::AsHalf(line.minimum - highest);
    }
  }
  block.d = F32ToF16(best.scale);
  block.m = F32ToF16(-best.minimum);
  PackNibbles(best, 0, block);
  PackFifthBits(best, 0, block);
}

}  // namespace hyprstream
