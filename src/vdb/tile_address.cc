#include "vdb/tile_address.h"

#include "base/error.h"

namespace hyprstream::vdb {
namespace {

constexpr uint64_t Bits(uint64_t value, int first, int count) {
  return (value >> first) & ((uint64_t{1} << count) - 1);
}

constexpr int32_t kXyLimit = 1 << 12;
constexpr int32_t kZLimit = 1 << 17;

bool Inside(Coordinate c) {
  return c.x >= 0 && c.x < kXyLimit && c.y >= 0 && c.y < kXyLimit && c.z >= 0 && c.z < kZLimit;
}

}  // namespace

Coordinate TileOrigin(uint64_t tile) {
  HYPR_CHECK(tile < kTileLimit);
  const uint64_t x = Bits(tile, 8, 4) << 3 | Bits(tile, 22, 5) << 7;
  const uint64_t y = Bits(tile, 4, 4) << 3 | Bits(tile, 17, 5) << 7;
  const uint64_t z = Bits(tile, 0, 4) << 3 | Bits(tile, 12, 5) << 7 | Bits(tile, 27, 5) << 12;
  return {.x = static_cast<int32_t>(x), .y = static_cast<int32_t>(y), .z = static_cast<int32_t>(z)};
}

std::optional<uint64_t> TileAt(Coordinate origin) {
  const std::optional<TileElement> element = ElementAt(origin);
  if (!element || element->element != 0) return std::nullopt;
  return element->tile;
}

Coordinate ElementCoordinate(TileElement element) {
  HYPR_CHECK(element.element < kTileWeights);
  Coordinate voxel = TileOrigin(element.tile);
  voxel.x += static_cast<int32_t>(element.element >> 6);
  voxel.y += static_cast<int32_t>(element.element >> 3 & 7);
  voxel.z += static_cast<int32_t>(element.element & 7);
  return voxel;
}

std::optional<TileElement> ElementAt(Coordinate voxel) {
  if (!Inside(voxel)) return std::nullopt;
  const auto x = static_cast<uint64_t>(voxel.x);
  const auto y = static_cast<uint64_t>(voxel.y);
  const auto z = static_cast<uint64_t>(voxel.z);
  const uint64_t lower = Bits(x, 3, 4) << 8 | Bits(y, 3, 4) << 4 | Bits(z, 3, 4);
  const uint64_t upper = Bits(x, 7, 5) << 10 | Bits(y, 7, 5) << 5 | Bits(z, 7, 5);
  const uint64_t element = Bits(x, 0, 3) << 6 | Bits(y, 0, 3) << 3 | Bits(z, 0, 3);
  return TileElement{.tile = lower | upper << 12 | Bits(z, 12, 5) << 27,
                     .element = static_cast<uint32_t>(element)};
}

}  // namespace hyprstream::vdb
