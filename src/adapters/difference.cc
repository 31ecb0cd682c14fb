#include "adapters/difference.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <span>

namespace hyprstream::adapters {
namespace {

/// One adapter's part in a module.
struct Side {
  ops::LowRankView view;
  std::span<const int64_t> components;
};

struct Pair {
  std::string path;
  int64_t in = 0;
  int64_t out = 0;
  Side from;
  Side to;
};

double Dot(const float* a, const float* b, int64_t count) {
  double sum = 0.0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

/// ⟨B₁A₁, B₂A₂⟩ = Σ (B₁ᵀB₂) ∘ (A₁A₂ᵀ): no matrix of the module's size is made.
double Product(const Pair& pair, const ops::LowRankView& x, const ops::LowRankView& y) {
  double sum = 0.0;
  for (int64_t i = 0; i < x.rank; ++i) {
    for (int64_t j = 0; j < y.rank; ++j) {
      sum += Dot(x.a + i * pair.in, y.a + j * pair.in, pair.in) *
             Dot(x.b + i * pair.out, y.b + j * pair.out, pair.out);
    }
  }
  return sum;
}

int64_t CountKept(const Pair& pair) {
  return std::ranges::count_if(pair.from.components, [&](int64_t component) {
    return std::ranges::binary_search(pair.to.components, component);
  });
}

ModuleDifference CompareModule(const Pair& pair) {
  const auto had = std::ssize(pair.from.components);
  const auto has = std::ssize(pair.to.components);
  ModuleDifference module;
  module.path = pair.path;
  module.kept = CountKept(pair);
  module.added = has - module.kept;
  module.dropped = had - module.kept;
  const double from = Product(pair, pair.from.view, pair.from.view);
  const double to = Product(pair, pair.to.view, pair.to.view);
  const double product = Product(pair, pair.from.view, pair.to.view);
  module.change = {.norm_from = std::sqrt(std::max(0.0, from)),
                   .norm_to = std::sqrt(std::max(0.0, to)),
                   .norm_change = std::sqrt(std::max(0.0, from + to - 2.0 * product)),
                   .product = product};
  return module;
}

void Collect(const StoredAdapter* adapter, Side Pair::*side,
             std::map<model::ModulePlace, Pair>& pairs) {
  if (adapter == nullptr) return;
  const std::vector<TopologyPlace>& places = adapter->topology().places();
  for (size_t p = 0; p < places.size(); ++p) {
    if (adapter->components(p).empty()) continue;
    const model::ModulePlace& at = places[p].at;
    Pair& pair = pairs[at];
    pair.path = places[p].path;
    pair.in = places[p].in;
    pair.out = places[p].out;
    pair.*side = {.view = adapter->views().At(at.layer, at.module, at.expert),
                  .components = adapter->components(p)};
  }
}

}  // namespace

std::optional<double> UpdateChange::Relative() const {
  if (norm_from == 0.0) return std::nullopt;
  return norm_change / norm_from;
}

std::optional<double> UpdateChange::Cosine() const {
  if (norm_from == 0.0 || norm_to == 0.0) return std::nullopt;
  return std::clamp(product / (norm_from * norm_to), -1.0, 1.0);
}

AdapterDifference Compare(const StoredAdapter* from, const StoredAdapter* to) {
  std::map<model::ModulePlace, Pair> pairs;
  Collect(from, &Pair::from, pairs);
  Collect(to, &Pair::to, pairs);
  AdapterDifference all;
  UpdateChange squares;
  for (const auto& [place, pair] : pairs) {
    const ModuleDifference module = CompareModule(pair);
    all.kept += module.kept;
    all.added += module.added;
    all.dropped += module.dropped;
    squares.norm_from += module.change.norm_from * module.change.norm_from;
    squares.norm_to += module.change.norm_to * module.change.norm_to;
    squares.norm_change += module.change.norm_change * module.change.norm_change;
    squares.product += module.change.product;
    all.modules.push_back(module);
  }
  all.change = {.norm_from = std::sqrt(squares.norm_from),
                .norm_to = std::sqrt(squares.norm_to),
                .norm_change = std::sqrt(squares.norm_change),
                .product = squares.product};
  return all;
}

}  // namespace hyprstream::adapters
