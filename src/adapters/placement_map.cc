#include "adapters/placement_map.h"

#include <algorithm>
#include <numeric>

namespace hyprstream::adapters {

int64_t PlacementMap::largest() const {
  return counts.empty() ? 0 : *std::ranges::max_element(counts);
}

int64_t PlacementMap::total() const {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

PlacementMap MapPlacement(const StoredAdapter& adapter) {
  const std::vector<TopologyPlace>& places = adapter.topology().places();
  PlacementMap map{.modules = adapter.spec().target_modules};
  std::ranges::sort(map.modules);
  for (const TopologyPlace& place : places) map.layers = std::max(map.layers, place.at.layer + 1);
  map.counts.resize(static_cast<size_t>(map.layers) * map.modules.size());
  for (size_t p = 0; p < places.size(); ++p) {
    const auto column = std::ranges::find(map.modules, places[p].at.module) - map.modules.begin();
    map.counts[static_cast<size_t>(places[p].at.layer) * map.modules.size() +
               static_cast<size_t>(column)] += std::ssize(adapter.components(p));
  }
  return map;
}

}  // namespace hyprstream::adapters
