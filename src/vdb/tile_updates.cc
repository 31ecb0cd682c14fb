#include "vdb/tile_updates.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace hyprstream::vdb {
namespace {

std::string Name(TileElement at) {
  return "tile " + std::to_string(at.tile) + ", weight " + std::to_string(at.element);
}

[[noreturn]] void Refuse(std::string expected, std::string found, TileElement at) {
  throw Error(ErrorCode::kInvalidArgument, {.message = "wrong update of a grid",
                                            .expected = std::move(expected),
                                            .found = std::move(found),
                                            .where = Name(at)});
}

/// Places in range and all different. Returns their tiles, ascending, each once.
std::vector<uint64_t> CheckPlaces(std::vector<TileElement> places) {
  std::ranges::sort(places);
  const auto twice = std::ranges::adjacent_find(places);
  if (twice != places.end()) Refuse("each place once in a batch", "two updates", *twice);
  std::vector<uint64_t> tiles;
  for (const TileElement& at : places) {
    if (at.tile >= kTileLimit || at.element >= kTileWeights) {
      Refuse("a tile below " + std::to_string(kTileLimit) + ", a weight below 512", Name(at), at);
    }
    if (tiles.empty() || tiles.back() != at.tile) tiles.push_back(at.tile);
  }
  return tiles;
}

float OldValue(const TileGrid& grid, TileElement at) {
  const size_t index = grid.Find(at.tile);
  return index == grid.size() ? 0.0f : grid.values(index)[at.element];
}

void CheckValue(const TileGrid& grid, TileElement at, float value, UpdateMode mode) {
  const float result = mode == UpdateMode::kAdd ? OldValue(grid, at) + value : value;
  if (!std::isfinite(result)) Refuse("a finite number", std::to_string(result), at);
}

void Set(float& weight, float value, UpdateMode mode) {
  weight = mode == UpdateMode::kAdd ? weight + value : value;
}

}  // namespace

UpdateCount ApplyTiles(TileGrid& grid, std::span<const TileUpdate> batch, UpdateMode mode) {
  std::vector<TileElement> places;
  for (const TileUpdate& update : batch) places.push_back({.tile = update.tile});
  const std::vector<uint64_t> tiles = CheckPlaces(std::move(places));
  for (const TileUpdate& update : batch) {
    for (uint32_t i = 0; i < kTileWeights; ++i) {
      CheckValue(grid, {.tile = update.tile, .element = i}, update.values[i], mode);
    }
  }
  UpdateCount count{.weights = batch.size() * kTileWeights, .tiles = tiles.size()};
  count.activated_tiles = grid.Activate(tiles);
  for (const TileUpdate& update : batch) {
    const MutableTileValues values = grid.values(grid.Find(update.tile));
    for (size_t i = 0; i < kTileWeights; ++i) Set(values[i], update.values[i], mode);
  }
  return count;
}

UpdateCount ApplyWeights(TileGrid& grid, std::span<const WeightUpdate> batch, UpdateMode mode) {
  std::vector<TileElement> places;
  for (const WeightUpdate& update : batch) places.push_back(update.at);
  const std::vector<uint64_t> tiles = CheckPlaces(std::move(places));
  for (const WeightUpdate& update : batch) CheckValue(grid, update.at, update.value, mode);
  UpdateCount count{.weights = batch.size(), .tiles = tiles.size()};
  count.activated_tiles = grid.Activate(tiles);
  for (const WeightUpdate& update : batch) {
    Set(grid.values(grid.Find(update.at.tile))[update.at.element], update.value, mode);
  }
  return count;
}

TileRegion ReadRegion(const TileGrid& grid, uint64_t begin, uint64_t end) {
  TileRegion region;
  for (size_t i = grid.LowerBound(begin); i < grid.size() && grid.tile(i) < end; ++i) {
    region.tiles.push_back(grid.tile(i));
    const MutableTileValues values = grid.values(i);
    region.values.insert(region.values.end(), values.begin(), values.end());
  }
  return region;
}

}  // namespace hyprstream::vdb
