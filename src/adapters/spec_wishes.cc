#include "adapters/spec_wishes.h"

#include <algorithm>
#include <utility>

namespace hyprstream::adapters {

AdapterSpec MakeSpec(const SpecWishes& wishes, const model::ModelConfig& config,
                     std::string base_fingerprint) {
  AdapterSpec spec = DefaultSpec(wishes.kind, config, std::move(base_fingerprint));
  if (!wishes.target_modules.empty()) {
    spec.target_modules = wishes.target_modules;
    std::ranges::sort(spec.target_modules);
  }
  if (wishes.sparsity) spec.sparsity = *wishes.sparsity;
  if (wishes.kind == AdapterKind::kSparse) {
    spec.nominal_rank =
        wishes.rank.value_or(NominalRank(config, spec.target_modules, spec.sparsity));
    if (wishes.alpha) {
      spec.alpha = *wishes.alpha;
      spec.scale = *wishes.alpha / static_cast<double>(spec.nominal_rank);
    }
  } else if (wishes.kind == AdapterKind::kLora) {
    spec.nominal_rank = wishes.rank.value_or(spec.nominal_rank);
    spec.alpha = wishes.alpha.value_or(2.0 * static_cast<double>(spec.nominal_rank));
    spec.scale = spec.alpha / static_cast<double>(spec.nominal_rank);
  }
  return spec;
}

}  // namespace hyprstream::adapters
