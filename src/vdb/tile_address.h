// Where a tile lies in the tree: a bijection between tile numbers and the origins of leaves.
//
// The tree has three levels of digits below its root: 8x8x8 weights in a leaf, 16x16x16 leaves in a
// lower node, 32x32x32 lower nodes in an upper node. A tile number is written in these digits, low
// ones first, so consecutive tiles fill a lower node before the next one is begun:
//
//   number bits  0..3  -> z bits 3..6      4..7   -> y bits 3..6     8..11  -> x bits 3..6
//               12..16 -> z bits 7..11    17..21  -> y bits 7..11   22..26  -> x bits 7..11
//               27..31 -> z bits 12..16   (the root's own table)
//
// and weight i of a tile is the voxel at the leaf's linear offset i: x bits i>>6, y (i>>3)&7, z
// i&7. The order of tile numbers is therefore the order in which the tree is walked.
#pragma once

#include <cstdint>
#include <optional>

#include "vdb/tile.h"

namespace hyprstream::vdb {

struct Coordinate {
  int32_t x = 0;
  int32_t y = 0;
  int32_t z = 0;

  friend bool operator==(const Coordinate&, const Coordinate&) = default;
};

struct TileElement {
  uint64_t tile = 0;     // below kTileLimit
  uint32_t element = 0;  // below kTileWeights

  friend auto operator<=>(const TileElement&, const TileElement&) = default;
};

/// Origin of the leaf that holds `tile`, which must be below kTileLimit.
Coordinate TileOrigin(uint64_t tile);
/// Nothing when no tile begins there.
std::optional<uint64_t> TileAt(Coordinate origin);

/// The voxel of one weight, and back. Nothing for a voxel outside the numbered space.
Coordinate ElementCoordinate(TileElement element);
std::optional<TileElement> ElementAt(Coordinate voxel);

}  // namespace hyprstream::vdb
