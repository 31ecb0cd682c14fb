#include "training/grow.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/random.h"
#include "training/placement.h"
#include "training/sketch.h"

namespace hyprstream::training {
namespace {

constexpr int64_t kSpareColumns = 4;

double RowNorm(const Tensor& tensor, int64_t row) {
  const auto width = static_cast<size_t>(tensor.shape()[1]);
  double sum = 0.0;
  for (const float value : tensor.As<float>().subspan(static_cast<size_t>(row) * width, width)) {
    sum += static_cast<double>(value) * static_cast<double>(value);
  }
  return std::sqrt(sum);
}

int64_t CapOf(const adapters::Topology& topology, const GrowOptions& options) {
  if (options.cap > 0) return std::min(options.cap, topology.components());
  const auto modules = static_cast<int64_t>(topology.places().size());
  int64_t level = 0;
  for (size_t p = 0; p < topology.places().size(); ++p) level += topology.ComponentWeights(p);
  const int64_t components = RoomToGrow(topology, 0, options) * modules / level;
  return std::min(DefaultCap(components, modules), topology.components());
}

int64_t SmallestComponent(const adapters::Topology& topology) {
  int64_t smallest = topology.ComponentWeights(0);
  for (size_t p = 1; p < topology.places().size(); ++p) {
    smallest = std::min(smallest, topology.ComponentWeights(p));
  }
  return smallest;
}

// Writes a of new components of one place; everything else keeps its values.
void AddWithVectors(adapters::TrainableAdapter& adapter, SparseAdamW& optimiser, size_t place,
                    const RightSingular& found, int64_t count) {
  const std::vector<int64_t> added = adapter.Add(place, count);
  adapters::Factors factors = adapter.Gather(place);
  const int64_t in = factors.a.shape()[1];
  const std::vector<int64_t>& all = adapter.components(place);
  for (int64_t i = 0; i < count; ++i) {
    const auto row = std::ranges::lower_bound(all, added[static_cast<size_t>(i)]) - all.begin();
    std::copy_n(found.vectors.begin() + i * in, in, factors.a.As<float>().begin() + row * in);
  }
  adapter.Scatter(place, MatrixOf(factors.a), MatrixOf(factors.b));
  if (optimiser.steps() == 0) return;
  for (const int64_t component : added) optimiser.Grown(adapter, place, component);
}

}  // namespace

int64_t RoomToGrow(const adapters::Topology& topology, int64_t held, const GrowOptions& options) {
  const double most = options.fill * static_cast<double>(topology.parameters_allowed());
  return std::max<int64_t>(0, static_cast<int64_t>(most) - held);
}

int64_t GrowComponents(ops::Context& context, Trainer& trainer, std::span<const MicroBatch> batches,
                       const GrowOptions& options) {
  const adapters::Topology& topology = trainer.adapter().topology();
  if (options.weights < SmallestComponent(topology)) return 0;
  const int64_t cap = CapOf(topology, options);
  GradientSketch sketch(topology, cap + kSpareColumns, options.seed, context.pause);
  for (int64_t pass = 0; pass < options.passes; ++pass) {
    if (pass > 0) sketch.NextPass();
    trainer.Sketch(context, batches, sketch);
  }
  const std::vector<RightSingular> found = sketch.Finish();

  std::vector<std::vector<float>> strengths;
  std::vector<int64_t> sizes, taken;
  for (size_t p = 0; p < found.size(); ++p) {
    strengths.push_back(found[p].values);
    sizes.push_back(topology.ComponentWeights(p));
    taken.push_back(std::ssize(trainer.adapter().components(p)));
  }
  const std::vector<int64_t> given =
      PlaceComponents(strengths, sizes, taken, {.weights = options.weights, .cap = cap});
  trainer.ChangeAdapter([&](adapters::TrainableAdapter& adapter, SparseAdamW& optimiser) {
    for (size_t p = 0; p < given.size(); ++p) {
      if (given[p] > 0) AddWithVectors(adapter, optimiser, p, found[p], given[p]);
    }
  });
  return std::accumulate(given.begin(), given.end(), int64_t{0});
}

int64_t Regrow(ops::Context& context, Trainer& trainer, std::span<const MicroBatch> batches,
               double share, const GrowOptions& options) {
  struct Component {
    double size;
    size_t place;
    int64_t number;
    auto operator<=>(const Component&) const = default;
  };
  std::vector<Component> all;
  const adapters::TrainableAdapter& adapter = trainer.adapter();
  for (size_t p = 0; p < adapter.topology().places().size(); ++p) {
    const adapters::Factors factors = adapter.Gather(p);
    for (size_t row = 0; row < adapter.components(p).size(); ++row) {
      const auto r = static_cast<int64_t>(row);
      all.push_back({RowNorm(factors.a, r) * RowNorm(factors.b, r), p, adapter.components(p)[row]});
    }
  }
  std::ranges::sort(all);
  const auto drop = static_cast<size_t>(share * static_cast<double>(all.size()));
  if (drop == 0) return 0;
  trainer.ChangeAdapter([&](adapters::TrainableAdapter& changed, SparseAdamW& optimiser) {
    for (size_t i = 0; i < drop; ++i) {
      changed.Remove(all[i].place, all[i].number);
      optimiser.Removed(all[i].place, all[i].number);
    }
  });
  GrowOptions again = options;
  again.weights = RoomToGrow(adapter.topology(), adapter.weights(), options);
  GrowComponents(context, trainer, batches, again);
  return static_cast<int64_t>(drop);
}

void InitialiseDense(Trainer& trainer, uint64_t seed) {
  trainer.ChangeAdapter([&](adapters::TrainableAdapter& adapter, SparseAdamW&) {
    adapter.AddAll();
    const CounterRandom random(seed);
    uint64_t next = 0;
    for (size_t p = 0; p < adapter.topology().places().size(); ++p) {
      adapters::Factors factors = adapter.Gather(p);
      const double bound = 1.0 / std::sqrt(static_cast<double>(factors.a.shape()[1]));
      for (float& value : factors.a.As<float>()) {
        value = static_cast<float>(bound * (2.0 * random.Uniform(next++) - 1.0));
      }
      adapter.Scatter(p, MatrixOf(factors.a), MatrixOf(factors.b));
    }
  });
}

}  // namespace hyprstream::training
