// How the values of a stored tile are written: exact floats, or one byte each (the Fp8 leaves of
// NanoVDB: value = code * quantum + minimum, quantum and minimum per tile). Pure functions.
//
// A quantum here has at most 16 significant bits and the minimum is minus a whole number of quanta,
// so zero is a code, code * quantum is exact in float, and code * quantum + minimum has the same
// bits however it is computed (fused or not, or as (code - zero) * quantum).
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "vdb/tile.h"

namespace hyprstream::vdb {

enum class Encoding : uint32_t { kF32 = 1, kFp8 = 2 };

struct Fp8Scale {
  float minimum = 0.0f;
  float quantum = 0.0f;

  float Decode(uint8_t code) const { return static_cast<float>(code) * quantum + minimum; }
  friend bool operator==(const Fp8Scale&, const Fp8Scale&) = default;
};

struct Fp8Tile {
  Fp8Scale scale;
  std::array<uint8_t, kTileWeights> codes{};
};

/// Magnitudes beyond this are refused: a code times its quantum must stay finite.
inline constexpr float kFp8Limit = 0x1p126f;

/// The error of a value is at most half a quantum, and the quantum (max - min) / 254.5 (zero counts
/// among the values) but for rounding up at the 16th bit. Values must be within kFp8Limit.
Fp8Tile EncodeFp8(TileValues values);

/// Whether a scale read from a file has the properties above.
bool IsValidScale(const Fp8Scale& scale);

}  // namespace hyprstream::vdb
