// An adapter in training: which components it has, their values and moments in a tile grid, and
// the way between the grid and the contiguous arrays that training computes on. One thread, except
// that different places may be gathered and scattered by different threads while the set of
// components does not change.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "adapters/adapter_statistics.h"
#include "adapters/tile_source.h"
#include "adapters/topology.h"
#include "vdb/stored_grid.h"
#include "vdb/tile_grid.h"

namespace hyprstream::adapters {

struct SaveOptions {
  std::string name;  // shown by tools that list the grid
  vdb::Encoding encoding = vdb::Encoding::kF32;
  vdb::Backend backend = vdb::DefaultBackend();
};

class TrainableAdapter {
 public:
  enum class Buffer { kValues, kFirstMoment, kSecondMoment };

  /// Without components: equal to the base. Errors: kUnsupported for a delta adapter.
  explicit TrainableAdapter(Topology topology, vdb::Backend backend = vdb::DefaultBackend());
  /// A stored version with its values and zero moments. Errors: those of StoredAdapter::Open.
  static TrainableAdapter Load(const std::filesystem::path& path, const model::ModelConfig& config,
                               vdb::Backend backend = vdb::DefaultBackend());

  const AdapterSpec& spec() const { return topology_.spec(); }
  const Topology& topology() const { return topology_; }
  const vdb::TileGrid& grid() const { return grid_; }
  vdb::TileGrid& grid() { return grid_; }

  // Components: zero in every buffer when added.
  /// Takes the lowest free numbers of the place and returns them. Errors: kResourceExhausted when
  /// fewer than `count` are free.
  std::vector<int64_t> Add(size_t place, int64_t count);
  /// Takes these free numbers of the place.
  void AddThese(size_t place, std::span<const int64_t> components);
  /// Every component of every place, as a dense adapter has them.
  void AddAll();
  void Remove(size_t place, int64_t component);
  /// Ascending.
  const std::vector<int64_t>& components(size_t place) const { return components_[place]; }
  /// Weights of all components: what may be non-zero now.
  int64_t weights() const;

  /// a [k, in] and b [k, out] of a place, k = components(place).size(); not scaled.
  Factors Gather(size_t place, Buffer buffer = Buffer::kValues) const;
  void Scatter(size_t place, const ConstMatrix& a, const ConstMatrix& b,
               Buffer buffer = Buffer::kValues);

  /// Counted from the grid.
  AdapterStatistics Statistics() const;

  /// Writes a version; returns its content hash. With one-byte codes the two vectors of each
  /// component are first brought to the same magnitude by a power of two, which leaves their
  /// product as it is. Errors: those of vdb::WriteGrid.
  std::string Save(const std::filesystem::path& path, const SaveOptions& options) const;

 private:
  vdb::MutableTileValues Tile(size_t index, Buffer buffer) const;

  Topology topology_;
  vdb::TileGrid grid_;
  std::vector<std::vector<int64_t>> components_;
};

}  // namespace hyprstream::adapters
