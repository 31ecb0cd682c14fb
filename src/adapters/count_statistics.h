// Counts an adapter's non-zero weights from its grid. Private to adapters/.
#pragma once

#include "adapters/adapter_statistics.h"
#include "adapters/tile_source.h"

namespace hyprstream::adapters {

/// Reads every tile. Errors: kDataLoss for a tile that is none of the topology's.
AdapterStatistics CountStatistics(const Topology& topology, const TileSource& source);

}  // namespace hyprstream::adapters
