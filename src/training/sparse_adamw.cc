#include "training/sparse_adamw.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace hyprstream::training {
namespace {

constexpr int64_t kTile = vdb::kTileWeights;

double SquareSum(const ConstMatrix& m) {
  double sum = 0.0;
  if (m.data == nullptr) return sum;
  for (int64_t row = 0; row < m.rows; ++row) {
    for (int64_t i = 0; i < m.cols; ++i) {
      sum += static_cast<double>(m.row(row)[i]) * static_cast<double>(m.row(row)[i]);
    }
  }
  return sum;
}

// The mean of the second moments of every tile but those of [skip, skip + count).
float MeanSecondMoment(const vdb::TileGrid& grid, size_t skip, size_t count) {
  double sum = 0.0;
  int64_t weights = 0;
  for (size_t i = 0; i < grid.size(); ++i) {
    if (i >= skip && i < skip + count) continue;
    for (const float v : grid.second_moment(i)) {
      sum += static_cast<double>(v);
      weights += v != 0.0f;
    }
  }
  return weights == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(weights));
}

}  // namespace

void SparseAdamW::Step(adapters::TrainableAdapter& adapter,
                       const std::vector<PlaceGradient>& gradients, float scale,
                       double learning_rate) {
  ++steps_;
  const auto& places = adapter.topology().places();
  HYPR_CHECK(gradients.size() == places.size());
  std::vector<float> run;
  for (size_t p = 0; p < places.size(); ++p) {
    const adapters::TopologyPlace& place = places[p];
    run.assign(place.tiles * static_cast<size_t>(kTile), 0.0f);  // padding stays zero
    const std::vector<int64_t>& components = adapter.components(p);
    for (size_t row = 0; row < components.size(); ++row) {
      if (gradients[p].a.data != nullptr) {
        std::copy_n(gradients[p].a.row(static_cast<int64_t>(row)), place.in, run.begin());
        std::copy_n(gradients[p].b.row(static_cast<int64_t>(row)), place.out,
                    run.begin() + place.in);
      }
      const auto grown = born_.find({p, components[row]});
      const int64_t born = grown == born_.end() ? 0 : grown->second;
      const AdamWStep step(options_, learning_rate, steps_ - born, steps_);
      size_t index = adapter.grid().Find(adapter.topology().FirstTile(p, components[row]));
      for (size_t tile = 0; tile < place.tiles; ++tile, ++index) {
        UpdateAdamW(
            step, scale,
            std::span(run).subspan(tile * static_cast<size_t>(kTile), static_cast<size_t>(kTile)),
            adapter.grid().values(index), adapter.grid().first_moment(index),
            adapter.grid().second_moment(index));
      }
    }
  }
}

void SparseAdamW::Grown(adapters::TrainableAdapter& adapter, size_t place, int64_t component) {
  born_[{place, component}] = steps_;
  const adapters::TopologyPlace& at = adapter.topology().places()[place];
  const size_t first = adapter.grid().Find(adapter.topology().FirstTile(place, component));
  const float mean = MeanSecondMoment(adapter.grid(), first, at.tiles);
  const int64_t weights = adapter.topology().ComponentWeights(place);
  for (size_t tile = 0; tile < at.tiles; ++tile) {
    const int64_t left = std::min(kTile, weights - static_cast<int64_t>(tile) * kTile);
    std::fill_n(adapter.grid().second_moment(first + tile).begin(), left, mean);
  }
}

void SparseAdamW::Restore(int64_t steps, std::map<std::pair<size_t, int64_t>, int64_t> born) {
  steps_ = steps;
  born_ = std::move(born);
}

double GradientNorm(const std::vector<PlaceGradient>& gradients) {
  double sum = 0.0;
  for (const PlaceGradient& gradient : gradients) {
    sum += SquareSum(gradient.a) + SquareSum(gradient.b);
  }
  return std::sqrt(sum);
}

}  // namespace hyprstream::training
