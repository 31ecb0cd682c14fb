// How many components an adapter has in each module of each layer: where training put them. A plain
// value.
#pragma once

#include <cstdint>
#include <vector>

#include "adapters/stored_adapter.h"
#include "model/modules.h"

namespace hyprstream::adapters {

struct PlacementMap {
  std::vector<model::Module> modules = {};  // the adapter's targets, q to down
  int64_t layers = 0;                       // of the model
  std::vector<int64_t> counts = {};         // [layers, modules]; experts of a layer together

  int64_t At(int64_t layer, size_t module) const {
    return counts[static_cast<size_t>(layer) * modules.size() + module];
  }
  int64_t largest() const;
  int64_t total() const;
};

PlacementMap MapPlacement(const StoredAdapter& adapter);

}  // namespace hyprstream::adapters
