#include "adapters/tile_source.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace hyprstream::adapters {
namespace {

using Values = std::array<float, vdb::kTileWeights>;

[[noreturn]] void Refuse(std::string expected, uint64_t tile) {
  throw Error(ErrorCode::kDataLoss, {.message = "the grid does not belong to this adapter",
                                     .expected = std::move(expected),
                                     .found = "tile " + std::to_string(tile)});
}

TileRun RunOf(const Topology& topology, uint64_t tile) {
  const std::optional<TileRun> run = topology.RunOf(tile);
  if (!run) Refuse("tiles of the target modules at the nominal rank", tile);
  return *run;
}

/// Copies the part of a tile that falls on [begin, begin + out.size()) of its component.
void CopyPart(const TileRun& run, const Values& values, int64_t begin, std::span<float> out) {
  const int64_t first = std::max(run.offset, begin);
  const auto end = begin + static_cast<int64_t>(out.size());
  const int64_t last = std::min(run.offset + vdb::kTileWeights, end);
  if (first >= last) return;
  std::copy(values.data() + (first - run.offset), values.data() + (last - run.offset),
            out.data() + (first - begin));
}

}  // namespace

TileSource SourceOf(const vdb::StoredGrid& grid) {
  return {.size = grid.size(),
          .tile = [&grid](size_t i) { return grid.tile(i); },
          .read = [&grid](size_t i, vdb::MutableTileValues out) { grid.Read(i, out); }};
}

TileSource SourceOf(const vdb::TileGrid& grid) {
  return {.size = grid.size(),
          .tile = [&grid](size_t i) { return grid.tile(i); },
          .read =
              [&grid](size_t i, vdb::MutableTileValues out) {
                std::ranges::copy(grid.values(i), out.begin());
              }};
}

std::vector<std::vector<int64_t>> ComponentsOf(const Topology& topology, const TileSource& source) {
  std::vector<std::vector<int64_t>> components(topology.places().size());
  for (size_t i = 0; i < source.size; ++i) {
    const TileRun run = RunOf(topology, source.tile(i));
    std::vector<int64_t>& list = components[run.place];
    if (list.empty() || list.back() != run.component) list.push_back(run.component);
  }
  return components;
}

std::vector<Factors> GatherFactors(const Topology& topology, const TileSource& source,
                                   const std::vector<std::vector<int64_t>>& components) {
  std::vector<Factors> factors(topology.places().size());
  for (size_t p = 0; p < factors.size(); ++p) {
    const auto k = static_cast<int64_t>(components[p].size());
    if (k == 0) continue;
    factors[p].a = Tensor(DType::kF32, {k, topology.places()[p].in});
    factors[p].b = Tensor(DType::kF32, {k, topology.places()[p].out});
  }
  Values values;
  for (size_t i = 0; i < source.size; ++i) {
    const TileRun run = RunOf(topology, source.tile(i));
    const TopologyPlace& place = topology.places()[run.place];
    const auto& list = components[run.place];
    const auto row =
        static_cast<size_t>(std::ranges::lower_bound(list, run.component) - list.begin());
    const auto in = static_cast<size_t>(place.in);
    const auto out = static_cast<size_t>(place.out);
    source.read(i, values);
    CopyPart(run, values, 0, factors[run.place].a.As<float>().subspan(row * in, in));
    CopyPart(run, values, place.in, factors[run.place].b.As<float>().subspan(row * out, out));
    const int64_t used = std::min(place.in + place.out - run.offset, vdb::kTileWeights);
    if (vdb::CountNonZeros(std::span(values).subspan(static_cast<size_t>(used))) != 0) {
      Refuse("zeros after a component's last weight", source.tile(i));
    }
  }
  return factors;
}

}  // namespace hyprstream::adapters
