#include "adapters/topology.h"

#include <algorithm>
#include <cmath>

#include "adapters/base_modules.h"
#include "base/error.h"

namespace hyprstream::adapters {
namespace {

constexpr int64_t kTile = vdb::kTileWeights;

std::vector<TopologyPlace> ListPlaces(const model::ModelConfig& config, const AdapterSpec& spec) {
  std::vector<TopologyPlace> places;
  for (const auto& [path, place] : PlacesOf(config)) {
    if (std::ranges::find(spec.target_modules, place.module) == spec.target_modules.end()) continue;
    places.push_back({.at = {.layer = place.layer, .module = place.module, .expert = place.expert},
                      .path = path,
                      .in = place.shape.in,
                      .out = place.shape.out});
  }
  std::ranges::sort(places, {}, &TopologyPlace::at);
  return places;
}

}  // namespace

Topology::Topology(const model::ModelConfig& config, AdapterSpec spec) : spec_(std::move(spec)) {
  CheckSpec(spec_);
  components_ = spec_.kind == AdapterKind::kDelta ? 1 : spec_.nominal_rank;
  places_ = ListPlaces(config, spec_);
  for (size_t i = 0; i < places_.size(); ++i) {
    places_[i].first_tile = tiles_per_level_;
    places_[i].tiles = static_cast<uint64_t>((ComponentWeights(i) + kTile - 1) / kTile);
    tiles_per_level_ += places_[i].tiles;
  }
  const auto levels = static_cast<uint64_t>(components_);
  if (places_.empty() || tiles_per_level_ > vdb::kTileLimit / levels) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "an adapter of this size cannot be kept in a grid",
                 .expected = "at least one target module and at most 2^32 tiles of 512 weights",
                 .found = std::to_string(tiles_per_level_) + " tiles for each of " +
                          std::to_string(levels) + " components",
                 .hint = "choose a smaller rank or fewer modules"});
  }
}

std::optional<size_t> Topology::FindPlace(const model::ModulePlace& at) const {
  const auto found = std::ranges::lower_bound(places_, at, {}, &TopologyPlace::at);
  if (found == places_.end() || found->at != at) return std::nullopt;
  return static_cast<size_t>(found - places_.begin());
}

uint64_t Topology::FirstTile(size_t place, int64_t component) const {
  HYPR_CHECK(place < places_.size() && component >= 0 && component < components_);
  return static_cast<uint64_t>(component) * tiles_per_level_ + places_[place].first_tile;
}

std::optional<TileRun> Topology::RunOf(uint64_t tile) const {
  const uint64_t component = tile / tiles_per_level_;
  if (component >= static_cast<uint64_t>(components_)) return std::nullopt;
  const uint64_t in_level = tile % tiles_per_level_;
  const auto after = std::ranges::upper_bound(places_, in_level, {}, &TopologyPlace::first_tile);
  const auto place = static_cast<size_t>(after - places_.begin()) - 1;
  return TileRun{.place = place,
                 .component = static_cast<int64_t>(component),
                 .offset = static_cast<int64_t>(in_level - places_[place].first_tile) * kTile};
}

vdb::TileElement Topology::ElementOf(const WeightPlace& weight) const {
  HYPR_CHECK(weight.place < places_.size() && weight.row >= 0 && weight.col >= 0);
  const TopologyPlace& place = places_[weight.place];
  int64_t component = 0;
  int64_t offset = 0;
  switch (weight.factor) {
    case Factor::kA:
      HYPR_CHECK(weight.col < place.in);
      component = weight.row;
      offset = weight.col;
      break;
    case Factor::kB:
      HYPR_CHECK(weight.row < place.out);
      component = weight.col;
      offset = place.in + weight.row;
      break;
    case Factor::kDelta:
      HYPR_CHECK(weight.row < place.out && weight.col < place.in);
      offset = weight.row * place.in + weight.col;
      break;
  }
  HYPR_CHECK((weight.factor == Factor::kDelta) == (spec_.kind == AdapterKind::kDelta));
  return {.tile = FirstTile(weight.place, component) + static_cast<uint64_t>(offset / kTile),
          .element = static_cast<uint32_t>(offset % kTile)};
}

std::optional<WeightPlace> Topology::WeightAt(vdb::TileElement element) const {
  const std::optional<TileRun> run = RunOf(element.tile);
  if (!run || element.element >= kTile) return std::nullopt;
  const TopologyPlace& place = places_[run->place];
  const int64_t offset = run->offset + element.element;
  if (offset >= ComponentWeights(run->place)) return std::nullopt;
  if (spec_.kind == AdapterKind::kDelta) {
    return WeightPlace{.place = run->place,
                       .factor = Factor::kDelta,
                       .row = offset / place.in,
                       .col = offset % place.in};
  }
  if (offset < place.in) {
    return WeightPlace{
        .place = run->place, .factor = Factor::kA, .row = run->component, .col = offset};
  }
  return WeightPlace{
      .place = run->place, .factor = Factor::kB, .row = offset - place.in, .col = run->component};
}

int64_t Topology::ComponentWeights(size_t place) const {
  const TopologyPlace& at = places_[place];
  return spec_.kind == AdapterKind::kDelta ? at.in * at.out : at.in + at.out;
}

int64_t Topology::parameters_total() const {
  int64_t total = 0;
  for (size_t i = 0; i < places_.size(); ++i) total += ComponentWeights(i) * components_;
  return total;
}

int64_t Topology::parameters_allowed() const {
  // The share is a decimal fraction: without the small push 0.01 * 100 would be 0.
  const double share = (1.0 - spec_.sparsity) * static_cast<double>(parameters_total());
  return static_cast<int64_t>(std::floor(share * (1.0 + 1e-12)));
}

}  // namespace hyprstream::adapters
