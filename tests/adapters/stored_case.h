// Adapters of random values in the store's own format.
#pragma once

#include <filesystem>
#include <memory>
#include <random>
#include <vector>

#include "adapters/stored_adapter.h"
#include "adapters/trainable_adapter.h"

namespace hyprstream::testing {

struct StoredCase {
  adapters::AdapterKind kind = adapters::AdapterKind::kSparse;
  int64_t rank = 8;
  double scale = 1.0;
  float size = 0.05f;                       // standard deviation of every value
  std::vector<model::Module> targets = {};  // all when empty
};

/// Sparse: up to three components in a module, in some none. Lora: all of `rank`.
inline std::shared_ptr<const adapters::StoredAdapter> MakeStored(const std::filesystem::path& file,
                                                                 const model::ModelConfig& config,
                                                                 const StoredCase& made) {
  adapters::AdapterSpec spec = adapters::DefaultSpec(made.kind, config, "base");
  spec.nominal_rank = made.rank;
  spec.scale = made.scale;
  spec.alpha = made.scale * static_cast<double>(made.rank);
  if (!made.targets.empty()) spec.target_modules = made.targets;
  adapters::TrainableAdapter adapter(adapters::Topology(config, spec));
  std::mt19937 random(7);
  std::normal_distribution<float> normal(0.0f, made.size);
  for (size_t p = 0; p < adapter.topology().places().size(); ++p) {
    const bool lora = made.kind == adapters::AdapterKind::kLora;
    adapter.Add(p, lora ? made.rank : static_cast<int64_t>((p * 5 + 3) % 4));
    adapters::Factors factors = adapter.Gather(p);
    for (float& value : factors.a.As<float>()) value = normal(random);
    for (float& value : factors.b.As<float>()) value = normal(random);
    const auto& place = adapter.topology().places()[p];
    const int64_t k = factors.a.shape()[0];
    adapter.Scatter(p, {factors.a.As<float>().data(), k, place.in, place.in},
                    {factors.b.As<float>().data(), k, place.out, place.out});
  }
  adapter.Save(file, {.name = "tone"});
  return adapters::StoredAdapter::Open(file, config);
}

}  // namespace hyprstream::testing
