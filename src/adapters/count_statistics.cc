#include "adapters/count_statistics.h"

#include <algorithm>
#include <array>

namespace hyprstream::adapters {
namespace {

/// Tensors of a place lie next to each other: A and B, or the delta alone.
AdapterStatistics EmptyStatistics(const Topology& topology,
                                  const std::vector<std::vector<int64_t>>& components) {
  AdapterStatistics counted{.parameters_total = topology.parameters_total()};
  for (size_t p = 0; p < topology.places().size(); ++p) {
    const TopologyPlace& place = topology.places()[p];
    const auto active = static_cast<int64_t>(components[p].size());
    const auto add = [&](std::string_view suffix, int64_t total) {
      counted.tensors.push_back({.name = place.path + std::string(suffix),
                                 .parameters_total = total,
                                 .components = active});
    };
    if (topology.spec().kind == AdapterKind::kDelta) {
      add(".delta", place.in * place.out);
    } else {
      add(".lora_A", topology.components() * place.in);
      add(".lora_B", topology.components() * place.out);
    }
    counted.components += active;
  }
  return counted;
}

}  // namespace

AdapterStatistics CountStatistics(const Topology& topology, const TileSource& source) {
  AdapterStatistics counted = EmptyStatistics(topology, ComponentsOf(topology, source));
  counted.tiles = static_cast<int64_t>(source.size);
  const bool delta = topology.spec().kind == AdapterKind::kDelta;
  std::array<float, vdb::kTileWeights> values;
  for (size_t i = 0; i < source.size; ++i) {
    const TileRun run = *topology.RunOf(source.tile(i));
    source.read(i, values);
    const int64_t first_part =
        delta ? vdb::kTileWeights
              : std::clamp<int64_t>(topology.places()[run.place].in - run.offset, 0,
                                    vdb::kTileWeights);
    const auto border = static_cast<size_t>(first_part);
    const auto a = static_cast<int64_t>(vdb::CountNonZeros(std::span(values).first(border)));
    const auto b = static_cast<int64_t>(vdb::CountNonZeros(std::span(values).subspan(border)));
    counted.tensors[run.place * (delta ? 1 : 2)].parameters_active += a;
    if (!delta) counted.tensors[run.place * 2 + 1].parameters_active += b;
    counted.parameters_active += a + b;
  }
  return counted;
}

}  // namespace hyprstream::adapters
