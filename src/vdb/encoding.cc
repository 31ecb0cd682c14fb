#include "vdb/encoding.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"

namespace hyprstream::vdb {
namespace {

constexpr uint32_t kDroppedBits = 0xFF;  // 24 significant bits less 16

float RoundUpTo16Bits(double value) {
  auto rounded = static_cast<float>(value);
  if (static_cast<double>(rounded) < value) rounded = std::nextafter(rounded, INFINITY);
  return std::bit_cast<float>((std::bit_cast<uint32_t>(rounded) + kDroppedBits) & ~kDroppedBits);
}

}  // namespace

Fp8Tile EncodeFp8(TileValues values) {
  const auto [low, high] = std::ranges::minmax(values);
  HYPR_CHECK(low >= -kFp8Limit && high <= kFp8Limit);
  const double lowest = std::min(low, 0.0f);
  const double highest = std::max(high, 0.0f);
  Fp8Tile tile;
  if (lowest == highest) return tile;
  tile.scale.quantum = RoundUpTo16Bits((highest - lowest) / 254.5);
  const double quantum = tile.scale.quantum;
  const double zero = std::nearbyint(-lowest / quantum);
  tile.scale.minimum = static_cast<float>(0.0 - zero * quantum);
  for (size_t i = 0; i < tile.codes.size(); ++i) {
    const double code = zero + std::nearbyint(static_cast<double>(values[i]) / quantum);
    HYPR_CHECK(code >= 0.0 && code <= 255.0);
    tile.codes[i] = static_cast<uint8_t>(code);
  }
  return tile;
}

bool IsValidScale(const Fp8Scale& scale) {
  if (!(scale.quantum >= 0.0f) || !std::isfinite(255.0f * scale.quantum)) return false;
  if ((std::bit_cast<uint32_t>(scale.quantum) & kDroppedBits) != 0) return false;
  if (scale.quantum == 0.0f) return std::bit_cast<uint32_t>(scale.minimum) == 0;
  const double zero = -static_cast<double>(scale.minimum) / static_cast<double>(scale.quantum);
  return zero >= 0.0 && zero <= 255.0 && zero == std::floor(zero) &&
         !(scale.minimum == 0.0f && std::signbit(scale.minimum));
}

}  // namespace hyprstream::vdb
