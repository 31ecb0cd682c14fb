// What a sparse grid is made of, seen from above: tiles, each a number and 512 consecutive floats
// (one whole 8x8x8 leaf of the tree). A tile that is not active is all zeros. Plain values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

namespace hyprstream::vdb {

inline constexpr int64_t kTileWeights = 512;
/// Tile numbers are below this: 2^41 weights in one grid.
inline constexpr uint64_t kTileLimit = uint64_t{1} << 32;

using TileValues = std::span<const float, kTileWeights>;
using MutableTileValues = std::span<float, kTileWeights>;

/// A tile of somebody's grid, borrowed.
struct TileView {
  uint64_t tile = 0;
  const float* values = nullptr;  // [kTileWeights]

  TileValues span() const { return TileValues(values, kTileWeights); }
};

struct TileStatistics {
  uint64_t tiles = 0;     // active ones
  uint64_t nonzeros = 0;  // weights that differ from zero

  friend bool operator==(const TileStatistics&, const TileStatistics&) = default;
};

inline uint64_t CountNonZeros(std::span<const float> values) {
  return static_cast<uint64_t>(std::ranges::count_if(values, [](float v) { return v != 0.0f; }));
}

}  // namespace hyprstream::vdb
