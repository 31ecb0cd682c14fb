// One immutable version of an adapter, opened from its grid file and made ready for the model: the
// factors of every place as contiguous floats, B times the scale. Any thread may compute with it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "adapters/adapter_statistics.h"
#include "adapters/topology.h"
#include "model/config.h"
#include "model/modules.h"
#include "tensor/tensor.h"
#include "vdb/stored_grid.h"

namespace hyprstream::adapters {

class StoredAdapter {
 public:
  /// The model's places must be those the adapter was made for; whether its weights are the same
  /// (spec().base_fingerprint) is for the caller to judge. Errors: those of vdb::StoredGrid::Open;
  /// kDataLoss for metadata or tiles that are no adapter's; kFailedPrecondition for another model's
  /// adapter; kUnsupported for a delta adapter, which cannot be computed with.
  static std::shared_ptr<const StoredAdapter> Open(const std::filesystem::path& path,
                                                   const model::ModelConfig& config,
                                                   vdb::Verify verify = vdb::Verify::kFull);

  const AdapterSpec& spec() const { return topology_.spec(); }
  const Topology& topology() const { return topology_; }
  const std::string& name() const { return grid_->name(); }
  const vdb::StoredGrid& grid() const { return *grid_; }

  const model::AdapterViews& views() const { return views_; }
  /// Component numbers of a place, in the order of its view's rows.
  const std::vector<int64_t>& components(size_t place) const { return components_[place]; }
  /// Hexadecimal identity of the grid: tiles, decoded values, metadata.
  const std::string& content_hash() const { return content_hash_; }
  /// Counted from the grid by each call.
  AdapterStatistics Statistics() const;
  /// What the expanded factors and the grid take.
  Bytes memory() const;

 private:
  StoredAdapter(std::shared_ptr<const vdb::StoredGrid> grid, Topology topology,
                const model::ModelConfig& config);

  std::shared_ptr<const vdb::StoredGrid> grid_;
  Topology topology_;
  std::vector<std::vector<int64_t>> components_;
  std::vector<Tensor> storage_;
  model::AdapterViews views_;
  std::string content_hash_;
};

/// Metadata of an adapter's grid: {"format": "hyprstream adapter 1", "spec": {…}, "places": n,
/// "tiles_per_level": n}, the last two against other models.
std::string WriteMetadata(const Topology& topology);
/// The topology that a grid's metadata describes, for `config`. Errors as StoredAdapter::Open.
Topology ReadMetadata(const vdb::StoredGrid& grid, const model::ModelConfig& config);

}  // namespace hyprstream::adapters
