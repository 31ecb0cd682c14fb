#include "training/snapshot.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "base/error.h"

namespace hyprstream::training {
namespace {

constexpr size_t kTile = vdb::kTileWeights;

void Append(std::span<const float> values, std::vector<float>& out) {
  out.insert(out.end(), values.begin(), values.end());
}

[[noreturn]] void Damaged(std::string what) {
  throw Error(ErrorCode::kDataLoss, {.message = "a saved state does not belong to this adapter",
                                     .found = std::move(what)});
}

void RemoveAll(adapters::TrainableAdapter& adapter) {
  for (size_t p = 0; p < adapter.topology().places().size(); ++p) {
    const std::vector<int64_t> components = adapter.components(p);
    for (const int64_t component : components) adapter.Remove(p, component);
  }
}

void AddComponents(const std::vector<uint64_t>& tiles, adapters::TrainableAdapter& adapter) {
  const adapters::Topology& topology = adapter.topology();
  std::vector<std::vector<int64_t>> components(topology.places().size());
  for (const uint64_t tile : tiles) {
    const std::optional<adapters::TileRun> run = topology.RunOf(tile);
    if (!run) Damaged("tile " + std::to_string(tile));
    if (run->offset == 0) components[run->place].push_back(run->component);
  }
  for (size_t p = 0; p < components.size(); ++p) adapter.AddThese(p, components[p]);
}

}  // namespace

AdapterSnapshot TakeSnapshot(const adapters::TrainableAdapter& adapter, WithMoments moments) {
  AdapterSnapshot snapshot;
  const vdb::TileGrid& grid = adapter.grid();
  for (size_t i = 0; i < grid.size(); ++i) {
    snapshot.tiles.push_back(grid.tile(i));
    Append(grid.values(i), snapshot.values);
    if (moments == WithMoments::kNo) continue;
    Append(grid.first_moment(i), snapshot.first);
    Append(grid.second_moment(i), snapshot.second);
  }
  return snapshot;
}

AdapterSnapshot Between(const AdapterSnapshot& before, const AdapterSnapshot& after, double share) {
  AdapterSnapshot between{.tiles = after.tiles, .values = after.values, .first = {}, .second = {}};
  const auto part = static_cast<float>(share);
  const auto root = static_cast<float>(std::sqrt(share));
  for (size_t i = 0; i < after.tiles.size(); ++i) {
    const auto values = std::span(between.values).subspan(i * kTile, kTile);
    const auto found = std::ranges::lower_bound(before.tiles, after.tiles[i]);
    if (found == before.tiles.end() || *found != after.tiles[i]) {
      for (float& value : values) value *= root;
      continue;
    }
    const auto old = std::span(before.values)
                         .subspan(static_cast<size_t>(found - before.tiles.begin()) * kTile, kTile);
    for (size_t j = 0; j < kTile; ++j) values[j] = old[j] + part * (values[j] - old[j]);
  }
  return between;
}

void RestoreSnapshot(const AdapterSnapshot& snapshot, adapters::TrainableAdapter& adapter) {
  const size_t count = snapshot.tiles.size();
  const auto fits = [&](const std::vector<float>& values) {
    return values.size() == count * kTile;
  };
  const bool moments = !snapshot.first.empty();
  if (!fits(snapshot.values) || (moments && (!fits(snapshot.first) || !fits(snapshot.second)))) {
    Damaged("values of another number of tiles than " + std::to_string(count));
  }
  RemoveAll(adapter);
  AddComponents(snapshot.tiles, adapter);
  vdb::TileGrid& grid = adapter.grid();
  if (grid.size() != count) Damaged("components that lack tiles");
  for (size_t i = 0; i < count; ++i) {
    if (grid.tile(i) != snapshot.tiles[i]) Damaged("components that lack tiles");
    const auto copy = [&](const std::vector<float>& from, vdb::MutableTileValues to) {
      std::copy_n(from.begin() + static_cast<ptrdiff_t>(i * kTile), kTile, to.begin());
    };
    copy(snapshot.values, grid.values(i));
    if (!moments) continue;
    copy(snapshot.first, grid.first_moment(i));
    copy(snapshot.second, grid.second_moment(i));
  }
}

}  // namespace hyprstream::training
