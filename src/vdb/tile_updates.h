// Updates and reads of a grid in batches, as they arrive while it is used. A batch is checked as a
// whole before anything changes; then exactly the weights it names change. The owner of the grid's
// topology calls these.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "vdb/tile_address.h"
#include "vdb/tile_grid.h"

namespace hyprstream::vdb {

enum class UpdateMode {
  kReplace,  // the value becomes the given one
  kAdd,      // the given one is added; what is not active counts as zero
};

struct TileUpdate {
  uint64_t tile = 0;
  TileValues values;
};

struct WeightUpdate {
  TileElement at;
  float value = 0.0f;
};

struct UpdateCount {
  size_t weights = 0;          // named by the batch
  size_t tiles = 0;            // tiles touched, new ones included
  size_t activated_tiles = 0;  // of these, tiles that were not active before
};

/// Errors: kInvalidArgument, the grid being untouched, for a number out of range, a place named
/// twice in one batch, a value that is not finite or a sum that would not be.
UpdateCount ApplyTiles(TileGrid& grid, std::span<const TileUpdate> batch, UpdateMode mode);
UpdateCount ApplyWeights(TileGrid& grid, std::span<const WeightUpdate> batch, UpdateMode mode);

/// The active tiles with numbers in [begin, end).
struct TileRegion {
  std::vector<uint64_t> tiles;
  std::vector<float> values;  // [tiles, kTileWeights]
};
TileRegion ReadRegion(const TileGrid& grid, uint64_t begin, uint64_t end);

}  // namespace hyprstream::vdb
