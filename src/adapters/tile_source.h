// An adapter's tiles read the same way from a file and from a grid in training: counted by tensor,
// and put together to factors. Private to adapters/.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "adapters/topology.h"
#include "tensor/tensor.h"
#include "vdb/stored_grid.h"
#include "vdb/tile_grid.h"

namespace hyprstream::adapters {

/// Tiles by index, ascending in number. Borrows the grid.
struct TileSource {
  size_t size = 0;
  std::function<uint64_t(size_t)> tile;
  std::function<void(size_t, vdb::MutableTileValues)> read;
};
TileSource SourceOf(const vdb::StoredGrid& grid);
TileSource SourceOf(const vdb::TileGrid& grid);

/// For each place the components that have at least one tile, ascending. Errors: kDataLoss for a
/// tile that is none of the topology's.
std::vector<std::vector<int64_t>> ComponentsOf(const Topology& topology, const TileSource& source);

struct Factors {
  Tensor a;  // f32 [k, in]
  Tensor b;  // f32 [k, out]
};
/// The factors of every place (k = number of its components); tiles that are not there are zeros.
/// Errors: kDataLoss for a padding weight that is not zero.
std::vector<Factors> GatherFactors(const Topology& topology, const TileSource& source,
                                   const std::vector<std::vector<int64_t>>& components);

}  // namespace hyprstream::adapters
