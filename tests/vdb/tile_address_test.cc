#include "vdb/tile_address.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>
#include <tuple>

namespace hyprstream::vdb {
namespace {

using Key = std::tuple<int32_t, int32_t, int32_t>;

Key KeyOf(Coordinate c) { return {c.x, c.y, c.z}; }

RC_GTEST_PROP(TileAddress, EveryTileAndElementComesBackFromItsVoxel, ()) {
  const TileElement at{.tile = *rc::gen::inRange<uint64_t>(0, kTileLimit),
                       .element = *rc::gen::inRange<uint32_t>(0, kTileWeights)};
  RC_ASSERT(ElementAt(ElementCoordinate(at)) == at);
  RC_ASSERT(TileAt(TileOrigin(at.tile)) == at.tile);
}

RC_GTEST_PROP(TileAddress, EveryVoxelInsideComesBackFromItsElement, ()) {
  const Coordinate voxel{.x = *rc::gen::inRange(0, 1 << 12),
                         .y = *rc::gen::inRange(0, 1 << 12),
                         .z = *rc::gen::inRange(0, 1 << 17)};
  const auto at = ElementAt(voxel);
  RC_ASSERT(at.has_value());
  RC_ASSERT(at->tile < kTileLimit && at->element < kTileWeights);
  RC_ASSERT(ElementCoordinate(*at) == voxel);
}

TEST(TileAddress, TheFirstTilesFillALowerNodeBeforeTheNextIsBegun) {
  std::set<Key> lower_nodes;
  std::set<Key> leaves;
  for (uint64_t tile = 0; tile < 8192; ++tile) {
    const Coordinate origin = TileOrigin(tile);
    EXPECT_EQ(origin.x % 8 + origin.y % 8 + origin.z % 8, 0);
    leaves.insert(KeyOf(origin));
    lower_nodes.insert({origin.x >> 7, origin.y >> 7, origin.z >> 7});
    if (tile == 4095) {
      EXPECT_EQ(lower_nodes.size(), 1u);
    }
  }
  EXPECT_EQ(leaves.size(), 8192u);
  EXPECT_EQ(lower_nodes.size(), 2u);
}

TEST(TileAddress, ElementsFollowTheLeafsLinearOffset) {
  for (uint32_t i = 0; i < kTileWeights; ++i) {
    const Coordinate c = ElementCoordinate({.tile = 0, .element = i});
    EXPECT_EQ(c.x * 64 + c.y * 8 + c.z, static_cast<int32_t>(i));
  }
}

TEST(TileAddress, VoxelsOutsideTheSpaceHaveNoTile) {
  EXPECT_FALSE(ElementAt({.x = -1}).has_value());
  EXPECT_FALSE(ElementAt({.y = 1 << 12}).has_value());
  EXPECT_FALSE(ElementAt({.z = 1 << 17}).has_value());
  EXPECT_FALSE(TileAt({.x = 1}).has_value());
}

}  // namespace
}  // namespace hyprstream::vdb
