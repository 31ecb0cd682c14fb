#include "adapters/export_modules.h"

#include <cstring>

#include "adapters/tile_source.h"
#include "base/error.h"

namespace hyprstream::adapters {
namespace {

/// [rank, out] to [out, rank].
Tensor Transposed(const float* b, int64_t rank, int64_t out) {
  Tensor result(DType::kF32, {out, rank});
  const std::span<float> values = result.As<float>();
  for (int64_t r = 0; r < rank; ++r) {
    for (int64_t o = 0; o < out; ++o) {
      values[static_cast<size_t>(o * rank + r)] = b[r * out + o];
    }
  }
  return result;
}

std::vector<ExportedModule> Checked(std::vector<ExportedModule> modules) {
  if (!modules.empty()) return modules;
  throw Error(ErrorCode::kFailedPrecondition,
              {.message = "the adapter has nothing to export: it equals its base",
               .expected = "at least one component",
               .hint = "train it first"});
}

}  // namespace

std::vector<ExportedModule> ExportModules(const StoredAdapter& adapter, ScalePlace scale) {
  const Topology& topology = adapter.topology();
  std::vector<std::vector<int64_t>> components;
  for (size_t p = 0; p < topology.places().size(); ++p) components.push_back(adapter.components(p));
  std::vector<Factors> factors = GatherFactors(topology, SourceOf(adapter.grid()), components);
  std::vector<ExportedModule> modules;
  for (size_t p = 0; p < components.size(); ++p) {
    const auto rank = static_cast<int64_t>(components[p].size());
    if (rank == 0) continue;
    const TopologyPlace& place = topology.places()[p];
    const ops::LowRankView& view =
        adapter.views().At(place.at.layer, place.at.module, place.at.expert);
    const bool in_b = scale == ScalePlace::kInB;
    const float* b = in_b ? view.b : factors[p].b.As<float>().data();
    modules.push_back({.place = p,
                       .path = place.path,
                       .rank = rank,
                       .a = std::move(factors[p].a),
                       .b = Transposed(b, rank, place.out),
                       .scale = in_b ? 1.0 : adapter.spec().scale});
  }
  return Checked(std::move(modules));
}

std::vector<ExportedModule> ExportModules(const TrainableAdapter& adapter,
                                          std::span<const double> scales) {
  const std::vector<TopologyPlace>& places = adapter.topology().places();
  HYPR_CHECK(scales.empty() || scales.size() == places.size());
  std::vector<ExportedModule> modules;
  for (size_t p = 0; p < places.size(); ++p) {
    const auto rank = static_cast<int64_t>(adapter.components(p).size());
    if (rank == 0) continue;
    Factors factors = adapter.Gather(p);
    modules.push_back({.place = p,
                       .path = places[p].path,
                       .rank = rank,
                       .a = std::move(factors.a),
                       .b = Transposed(factors.b.As<float>().data(), rank, places[p].out),
                       .scale = adapter.spec().scale * (scales.empty() ? 1.0 : scales[p])});
  }
  return Checked(std::move(modules));
}

}  // namespace hyprstream::adapters
