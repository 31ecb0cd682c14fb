#include "adapters/from_dense.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <optional>
#include <set>
#include <span>
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

/// The f32 that becomes `scaled` again when it is multiplied by `scale` (in double, then rounded);
/// nothing when none does, as for a scale of 0.
std::optional<float> Unscaled(float scaled, double scale) {
  const auto quotient = static_cast<float>(static_cast<double>(scaled) / scale);
  for (const float candidate :
       {quotient, std::nextafter(quotient, INFINITY), std::nextafter(quotient, -INFINITY)}) {
    if (static_cast<float>(static_cast<double>(candidate) * scale) == scaled) return candidate;
  }
  return std::nullopt;
}

std::span<const float> ScaledB(const DenseAdapter& dense, const DenseAdapter::Module& module) {
  const Place& at = module.place;
  const ops::LowRankView& view = dense.views().At(at.layer, at.module, at.expert);
  return {view.b, static_cast<size_t>(module.rank * at.shape.out)};
}

/// B without `scale`, to the last bit where there is such an f32.
std::vector<float> UnscaledB(const DenseAdapter& dense, const DenseAdapter::Module& module,
                             double scale) {
  std::vector<float> b;
  for (const float value : ScaledB(dense, module)) {
    b.push_back(
        Unscaled(value, scale).value_or(static_cast<float>(static_cast<double>(value) / scale)));
  }
  return b;
}

bool CanBeUnscaled(const DenseAdapter& dense, double scale) {
  return std::ranges::all_of(dense.modules(), [&](const DenseAdapter::Module& module) {
    return std::ranges::all_of(ScaledB(dense, module),
                               [&](float value) { return Unscaled(value, scale).has_value(); });
  });
}

TrainableAdapter Filled(
    const DenseAdapter& dense, Topology topology,
    const std::function<std::vector<float>(const DenseAdapter::Module&)>& b_of) {
  TrainableAdapter adapter(std::move(topology));
  for (const DenseAdapter::Module& module : dense.modules()) {
    const size_t place = *adapter.topology().FindPlace(
        {module.place.layer, module.place.module, module.place.expert});
    std::vector<int64_t> components(static_cast<size_t>(module.rank));
    std::iota(components.begin(), components.end(), 0);
    adapter.AddThese(place, components);
    const ops::LowRankView& view =
        dense.views().At(module.place.layer, module.place.module, module.place.expert);
    const TopologyPlace& at = adapter.topology().places()[place];
    const std::vector<float> b = b_of(module);
    adapter.Scatter(place, {view.a, module.rank, at.in, at.in},
                    {b.data(), module.rank, at.out, at.out});
  }
  return adapter;
}

void RequireModules(const DenseAdapter& dense) {
  if (!dense.modules().empty()) return;
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "the adapter acts on no module", .expected = "at least one A and B"});
}

}  // namespace

TrainableAdapter FromDense(const DenseAdapter& dense, const model::ModelConfig& config,
                           const std::string& base_fingerprint) {
  RequireModules(dense);
  AdapterSpec spec = SpecOf(dense, base_fingerprint);
  if (!CanBeUnscaled(dense, spec.scale)) {
    spec.scale = 1.0;
    spec.alpha = static_cast<double>(spec.nominal_rank);
  }
  return Filled(dense, Topology(config, spec), [&](const DenseAdapter::Module& module) {
    return UnscaledB(dense, module, spec.scale);
  });
}

UnscaledAdapter FromDenseUnscaled(const DenseAdapter& dense, const model::ModelConfig& config,
                                  const std::string& base_fingerprint) {
  RequireModules(dense);
  AdapterSpec spec = SpecOf(dense, base_fingerprint);
  spec.scale = 1.0;
  spec.alpha = static_cast<double>(spec.nominal_rank);
  Topology topology(config, std::move(spec));
  std::vector<double> scales(topology.places().size(), 1.0);
  for (const DenseAdapter::Module& module : dense.modules()) {
    if (module.scale == 0.0) {
      throw Error(ErrorCode::kUnsupported, {.message = "a module of scale 0 cannot be trained",
                                            .expected = "an alpha that is not 0",
                                            .where = module.path});
    }
    scales[*topology.FindPlace({module.place.layer, module.place.module, module.place.expert})] =
        module.scale;
  }
  TrainableAdapter adapter = Filled(
      dense, std::move(topology),
      [&](const DenseAdapter::Module& module) { return UnscaledB(dense, module, module.scale); });
  return {.adapter = std::move(adapter), .scales = std::move(scales)};
}

}  // namespace hyprstream::adapters
