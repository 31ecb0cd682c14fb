// Where every possible weight of an adapter lies in its grid: a bijection between (module, A or B,
// row, column), (tile, weight of the tile) and voxels (vdb/tile_address.h). Immutable.
//
// The target modules are listed once, by layer, module (q to down), expert: the *places*.
// Component c of a place is column c of B and row c of A. Its weights, a [in] then b [out], padded
// with zeros to a multiple of 512, are its *run* of tiles. Tiles are numbered component by
// component, so that the first components of all places share the tree's first lower nodes:
//
//   tile = c * tiles_per_level + first tile of the place + tile of the run
//
// where tiles_per_level is the sum of all places' runs. In a delta adapter a place has one run: its
// matrix [out, in], row by row.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/adapter_spec.h"
#include "model/config.h"
#include "model/gradient_sink.h"
#include "vdb/tile_address.h"

namespace hyprstream::adapters {

struct TopologyPlace {
  model::ModulePlace at;
  std::string path;  // "model.layers.0.self_attn.q_proj"
  int64_t in = 0;
  int64_t out = 0;
  uint64_t first_tile = 0;  // of component 0
  uint64_t tiles = 0;       // of one component
};

enum class Factor {
  kA,      // [nominal rank, in]
  kB,      // [out, nominal rank]
  kDelta,  // [out, in]
};

struct WeightPlace {
  size_t place = 0;  // index into places()
  Factor factor = Factor::kA;
  int64_t row = 0;
  int64_t col = 0;

  friend bool operator==(const WeightPlace&, const WeightPlace&) = default;
};

/// A tile's part in an adapter.
struct TileRun {
  size_t place = 0;
  int64_t component = 0;
  int64_t offset = 0;  // of the tile's first weight in the component's weights, a multiple of 512

  friend bool operator==(const TileRun&, const TileRun&) = default;
};

class Topology {
 public:
  /// Errors: those of CheckSpec; kInvalidArgument when a target module does not exist in the model
  /// or there would be more tiles than a grid can number.
  Topology(const model::ModelConfig& config, AdapterSpec spec);

  const AdapterSpec& spec() const { return spec_; }
  const std::vector<TopologyPlace>& places() const { return places_; }
  std::optional<size_t> FindPlace(const model::ModulePlace& at) const;
  /// Possible components of every place: the nominal rank; 1 in a delta adapter.
  int64_t components() const { return components_; }
  uint64_t tiles_per_level() const { return tiles_per_level_; }

  /// First tile of a component's run of places()[place].tiles.
  uint64_t FirstTile(size_t place, int64_t component) const;
  /// Nothing for a number that no component owns.
  std::optional<TileRun> RunOf(uint64_t tile) const;

  vdb::TileElement ElementOf(const WeightPlace& weight) const;
  /// Nothing for padding and for tiles that no component owns.
  std::optional<WeightPlace> WeightAt(vdb::TileElement element) const;

  /// Weights of one component of a place without padding: in + out, or in * out of a delta.
  int64_t ComponentWeights(size_t place) const;
  /// All weights of A and B at the nominal rank over all places (of a delta: of the matrices).
  int64_t parameters_total() const;
  /// How many of them may differ from zero: (1 - sparsity) of them, rounded down.
  int64_t parameters_allowed() const;

 private:
  AdapterSpec spec_;
  int64_t components_ = 0;
  std::vector<TopologyPlace> places_;
  uint64_t tiles_per_level_ = 0;
};

}  // namespace hyprstream::adapters
