#include "cli/bench_adapters.h"

#include <string>
#include <utility>

#include "adapters/adapter_spec.h"
#include "base/random.h"

namespace hyprstream::cli {

adapters::TrainableAdapter RandomAdapter(const model::Model& model, uint64_t seed) {
  adapters::TrainableAdapter adapter(adapters::Topology(
      model.config(),
      adapters::DefaultSpec(adapters::AdapterKind::kSparse, model.config(), model.fingerprint())));
  const adapters::Topology& topology = adapter.topology();
  const size_t places = topology.places().size();
  // A step that shares no factor with their number visits every place before any twice.
  size_t place = seed % places;
  for (int64_t left = topology.parameters_allowed(); left >= topology.ComponentWeights(place);) {
    adapter.Add(place, 1);
    left -= topology.ComponentWeights(place);
    place = (place + 61) % places;
  }
  const CounterRandom random(seed);
  uint64_t next = 0;
  const auto fill = [&](Tensor& tensor) {
    for (float& value : tensor.As<float>()) {
      value = static_cast<float>(0.02 * (random.Uniform(next++) - 0.5));
    }
  };
  for (size_t p = 0; p < places; ++p) {
    if (adapter.components(p).empty()) continue;
    adapters::Factors factors = adapter.Gather(p);
    fill(factors.a);
    fill(factors.b);
    adapter.Scatter(p, MatrixOf(factors.a), MatrixOf(factors.b));
  }
  return adapter;
}

std::vector<std::shared_ptr<const engine::LoadedAdapter>> RandomAdapters(const model::Model& model,
                                                                         int64_t count) {
  std::vector<std::shared_ptr<const engine::LoadedAdapter>> adapters;
  const model::ModelConfig& config = model.config();
  for (int64_t i = 0; i < count; ++i) {
    const adapters::TrainableAdapter adapter = RandomAdapter(model, static_cast<uint64_t>(i));
    auto factors = std::make_shared<std::vector<adapters::Factors>>();
    model::AdapterViews views(config.num_hidden_layers, config.moe.experts);
    const auto& places = adapter.topology().places();
    for (size_t p = 0; p < places.size(); ++p) {
      const auto rank = static_cast<int64_t>(adapter.components(p).size());
      if (rank == 0) continue;
      const adapters::Factors& last = factors->emplace_back(adapter.Gather(p));
      views.Set(places[p].at.layer, places[p].at.module,
                {.a = last.a.As<float>().data(), .b = last.b.As<float>().data(), .rank = rank},
                places[p].at.expert);
    }
    const std::string name = "random" + std::to_string(i);
    adapters.push_back(std::make_shared<engine::LoadedAdapter>(engine::LoadedAdapter{
        .name = name, .content_hash = name, .views = std::move(views), .storage = factors}));
  }
  return adapters;
}

}  // namespace hyprstream::cli
