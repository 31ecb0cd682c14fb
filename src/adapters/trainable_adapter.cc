#include "adapters/trainable_adapter.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "adapters/count_statistics.h"
#include "adapters/stored_adapter.h"
#include "base/error.h"

namespace hyprstream::adapters {
namespace {

constexpr int64_t kTile = vdb::kTileWeights;

void AppendRun(const Topology& topology, size_t place, int64_t component,
               std::vector<uint64_t>& tiles) {
  const uint64_t first = topology.FirstTile(place, component);
  for (uint64_t i = 0; i < topology.places()[place].tiles; ++i) tiles.push_back(first + i);
}

float Largest(std::span<const float> values) {
  float largest = 0.0f;
  for (const float value : values) largest = std::max(largest, std::fabs(value));
  return largest;
}

/// Multiplies a by 2^n and b by 2^-n so that their largest magnitudes are as close as may be.
void Balance(std::span<float> a, std::span<float> b) {
  const float largest_a = Largest(a);
  const float largest_b = Largest(b);
  if (!std::isnormal(largest_a) || !std::isnormal(largest_b)) return;
  const int shift = (std::ilogb(largest_b) - std::ilogb(largest_a)) / 2;
  for (float& value : a) value = std::ldexp(value, shift);
  for (float& value : b) value = std::ldexp(value, -shift);
}

/// All tiles of a grid, one after the other, with every component balanced.
std::vector<float> BalancedTiles(const Topology& topology, const vdb::TileGrid& grid) {
  std::vector<float> values;
  values.reserve(grid.size() * static_cast<size_t>(kTile));
  for (size_t i = 0; i < grid.size(); ++i) {
    const vdb::MutableTileValues tile = grid.values(i);
    values.insert(values.end(), tile.begin(), tile.end());
  }
  for (size_t i = 0; i < grid.size();) {
    const TopologyPlace& place = topology.places()[topology.RunOf(grid.tile(i))->place];
    const std::span<float> run(values.data() + i * static_cast<size_t>(kTile),
                               place.tiles * static_cast<size_t>(kTile));
    const auto in = static_cast<size_t>(place.in);
    Balance(run.first(in), run.subspan(in));
    i += place.tiles;
  }
  return values;
}

}  // namespace

TrainableAdapter::TrainableAdapter(Topology topology, vdb::Backend backend)
    : topology_(std::move(topology)),
      grid_({.backend = backend, .moments = vdb::Moments::kKept}),
      components_(topology_.places().size()) {
  if (spec().kind != AdapterKind::kDelta) return;
  throw Error(ErrorCode::kUnsupported, {.message = "a delta adapter cannot be trained",
                                        .expected = "an adapter of kind sparse or lora",
                                        .found = "kind delta"});
}

TrainableAdapter TrainableAdapter::Load(const std::filesystem::path& path,
                                        const model::ModelConfig& config, vdb::Backend backend) {
  const auto stored = StoredAdapter::Open(path, config);
  TrainableAdapter adapter(stored->topology(), backend);
  std::vector<uint64_t> tiles;
  for (size_t p = 0; p < adapter.components_.size(); ++p) {
    adapter.components_[p] = stored->components(p);
    for (const int64_t c : stored->components(p)) AppendRun(adapter.topology_, p, c, tiles);
  }
  adapter.grid_.Activate(tiles);
  for (size_t i = 0; i < stored->grid().size(); ++i) {
    stored->grid().Read(i, adapter.grid_.values(adapter.grid_.Find(stored->grid().tile(i))));
  }
  return adapter;
}

std::vector<int64_t> TrainableAdapter::Add(size_t place, int64_t count) {
  std::vector<int64_t>& taken = components_[place];
  std::vector<int64_t> added;
  for (int64_t c = 0; c < topology_.components() && std::ssize(added) < count; ++c) {
    if (!std::ranges::binary_search(taken, c)) added.push_back(c);
  }
  if (std::ssize(added) < count) {
    throw Error(ErrorCode::kResourceExhausted,
                {.message = "no more components fit a module of the adapter",
                 .expected = std::to_string(count) + " free ones",
                 .found = std::to_string(added.size()),
                 .where = topology_.places()[place].path,
                 .hint = "use a larger rank"});
  }
  AddThese(place, added);
  return added;
}

void TrainableAdapter::AddAll() {
  std::vector<uint64_t> tiles;
  for (size_t p = 0; p < components_.size(); ++p) {
    components_[p].resize(static_cast<size_t>(topology_.components()));
    std::iota(components_[p].begin(), components_[p].end(), 0);
    for (const int64_t c : components_[p]) AppendRun(topology_, p, c, tiles);
  }
  grid_.Activate(tiles);
}

void TrainableAdapter::AddThese(size_t place, std::span<const int64_t> components) {
  std::vector<uint64_t> tiles;
  for (const int64_t c : components) AppendRun(topology_, place, c, tiles);
  grid_.Activate(tiles);
  std::vector<int64_t>& taken = components_[place];
  taken.insert(taken.end(), components.begin(), components.end());
  std::ranges::sort(taken);
}

void TrainableAdapter::Remove(size_t place, int64_t component) {
  HYPR_CHECK(std::erase(components_[place], component) == 1);
  std::vector<uint64_t> tiles;
  AppendRun(topology_, place, component, tiles);
  grid_.Deactivate(tiles);
}

int64_t TrainableAdapter::weights() const {
  int64_t sum = 0;
  for (size_t p = 0; p < components_.size(); ++p) {
    sum += std::ssize(components_[p]) * topology_.ComponentWeights(p);
  }
  return sum;
}

vdb::MutableTileValues TrainableAdapter::Tile(size_t index, Buffer buffer) const {
  switch (buffer) {
    case Buffer::kFirstMoment:
      return grid_.first_moment(index);
    case Buffer::kSecondMoment:
      return grid_.second_moment(index);
    case Buffer::kValues:
      break;
  }
  return grid_.values(index);
}

Factors TrainableAdapter::Gather(size_t place, Buffer buffer) const {
  const TopologyPlace& at = topology_.places()[place];
  const auto k = static_cast<int64_t>(components_[place].size());
  Factors factors{.a = Tensor(DType::kF32, {k, at.in}), .b = Tensor(DType::kF32, {k, at.out})};
  std::vector<float> run(at.tiles * static_cast<size_t>(kTile));
  for (int64_t row = 0; row < k; ++row) {
    size_t index =
        grid_.Find(topology_.FirstTile(place, components_[place][static_cast<size_t>(row)]));
    for (uint64_t i = 0; i < at.tiles; ++i, ++index) {
      std::ranges::copy(Tile(index, buffer), run.begin() + static_cast<int64_t>(i) * kTile);
    }
    std::copy_n(run.begin(), at.in, factors.a.As<float>().begin() + row * at.in);
    std::copy_n(run.begin() + at.in, at.out, factors.b.As<float>().begin() + row * at.out);
  }
  return factors;
}

void TrainableAdapter::Scatter(size_t place, const ConstMatrix& a, const ConstMatrix& b,
                               Buffer buffer) {
  const TopologyPlace& at = topology_.places()[place];
  const auto k = static_cast<int64_t>(components_[place].size());
  HYPR_CHECK(a.rows == k && a.cols == at.in && b.rows == k && b.cols == at.out);
  std::vector<float> run(at.tiles * static_cast<size_t>(kTile));
  for (int64_t row = 0; row < k; ++row) {
    std::copy_n(a.row(row), at.in, run.begin());
    std::copy_n(b.row(row), at.out, run.begin() + at.in);
    size_t index =
        grid_.Find(topology_.FirstTile(place, components_[place][static_cast<size_t>(row)]));
    for (uint64_t i = 0; i < at.tiles; ++i, ++index) {
      std::copy_n(run.begin() + static_cast<int64_t>(i) * kTile, kTile,
                  Tile(index, buffer).begin());
    }
  }
}

AdapterStatistics TrainableAdapter::Statistics() const {
  return CountStatistics(topology_, SourceOf(grid_));
}

std::string TrainableAdapter::Save(const std::filesystem::path& path,
                                   const SaveOptions& options) const {
  const std::string metadata = WriteMetadata(topology_);
  vdb::GridContent content{
      .name = options.name, .metadata = std::as_bytes(std::span(metadata)), .tiles = grid_.Views()};
  std::vector<float> balanced;
  if (options.encoding == vdb::Encoding::kFp8) {
    balanced = BalancedTiles(topology_, grid_);
    for (size_t i = 0; i < content.tiles.size(); ++i) {
      content.tiles[i].values = balanced.data() + i * static_cast<size_t>(kTile);
    }
  }
  return ToHex(vdb::WriteGrid(path, content, options.encoding, options.backend));
}

}  // namespace hyprstream::adapters
