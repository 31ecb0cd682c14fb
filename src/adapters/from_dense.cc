#include "adapters/from_dense.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <vector>

#include "base/error.h"

namespace hyprstream::adapters {
namespace {

AdapterSpec SpecOf(const DenseAdapter& dense, const std::string& base_fingerprint) {
  AdapterSpec spec{.kind = AdapterKind::kLora, .base_fingerprint = base_fingerprint};
  std::set<model::Module> targets;
  for (const DenseAdapter::Module& module : dense.modules()) {
    spec.nominal_rank = std::max(spec.nominal_rank, module.rank);
    targets.insert(module.place.module);
  }
  spec.target_modules.assign(targets.begin(), targets.end());
  const double scale = dense.modules().front().scale;
  const bool uniform = std::ranges::all_of(
      dense.modules(), [&](const DenseAdapter::Module& m) { return m.scale == scale; });
  spec.scale = uniform ? scale : 1.0;
  spec.alpha = spec.scale * static_cast<double>(spec.nominal_rank);
  return spec;
}

}  // namespace

TrainableAdapter FromDense(const DenseAdapter& dense, const model::ModelConfig& config,
                           const std::string& base_fingerprint) {
  if (dense.modules().empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "the adapter acts on no module", .expected = "at least one A and B"});
  }
  TrainableAdapter adapter(Topology(config, SpecOf(dense, base_fingerprint)));
  const auto divisor = static_cast<float>(adapter.spec().scale);
  for (const DenseAdapter::Module& module : dense.modules()) {
    const size_t place = *adapter.topology().FindPlace(
        {module.place.layer, module.place.module, module.place.expert});
    std::vector<int64_t> components(static_cast<size_t>(module.rank));
    std::iota(components.begin(), components.end(), 0);
    adapter.AddThese(place, components);
    const ops::LowRankView& view =
        dense.views().At(module.place.layer, module.place.module, module.place.expert);
    const TopologyPlace& at = adapter.topology().places()[place];
    std::vector<float> b(view.b, view.b + module.rank * at.out);
    for (float& value : b) value /= divisor;
    adapter.Scatter(place, {view.a, module.rank, at.in, at.in},
                    {b.data(), module.rank, at.out, at.out});
  }
  return adapter;
}

}  // namespace hyprstream::adapters
