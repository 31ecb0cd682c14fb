// A copy of an adapter's grid at one moment: what early stopping goes back to and what a checkpoint
// keeps. Plain values.
#pragma once

#include <cstdint>
#include <vector>

#include "adapters/trainable_adapter.h"

namespace hyprstream::training {

struct AdapterSnapshot {
  std::vector<uint64_t> tiles;  // ascending
  std::vector<float> values;    // [tiles, vdb::kTileWeights]
  std::vector<float> first;     // the moments, or empty
  std::vector<float> second;
};

enum class WithMoments { kNo, kYes };
AdapterSnapshot TakeSnapshot(const adapters::TrainableAdapter& adapter, WithMoments moments);

/// On the way from one snapshot of an adapter to a later one: the later one's components, their
/// values `share` of the way; those that were added meanwhile scaled so that their product is
/// `share` of itself. Without moments.
AdapterSnapshot Between(const AdapterSnapshot& before, const AdapterSnapshot& after, double share);

/// The adapter then has the snapshot's components, values and moments (zeros when it has none).
/// Errors: kDataLoss for a tile that is none of the adapter's, or sizes that do not fit together.
void RestoreSnapshot(const AdapterSnapshot& snapshot, adapters::TrainableAdapter& adapter);

}  // namespace hyprstream::training
