#include "training/sketch.h"

#include <algorithm>
#include <utility>

#include "base/random.h"
#include "ops/low_rank_gradient.h"

namespace hyprstream::training {
namespace {

// Sums of twelve uniform numbers are near enough to normal ones for a direction.
Tensor RandomBasis(int64_t columns, int64_t length, const CounterRandom& random, uint64_t& next) {
  Tensor basis(DType::kF32, {columns, length});
  for (float& value : basis.As<float>()) {
    double sum = -6.0;
    for (int i = 0; i < 12; ++i) sum += random.Uniform(next++);
    value = static_cast<float>(sum);
  }
  OrthonormaliseRows(MatrixOf(basis));
  return basis;
}

}  // namespace

GradientSketch::GradientSketch(const adapters::Topology& topology, int64_t columns, uint64_t seed,
                               std::function<void()> pause)
    : topology_(topology), pause_(std::move(pause)) {
  const CounterRandom random(seed);
  uint64_t next = 0;
  for (const adapters::TopologyPlace& place : topology.places()) {
    const int64_t count = std::min({columns, place.in, place.out});
    Place& mine = places_.emplace_back();
    mine.a = RandomBasis(count, place.in, random, next);
    Pause();
    mine.b = RandomBasis(count, place.out, random, next);
    mine.found_a = Tensor(DType::kF32, {count, place.in});
    mine.found_b = Tensor(DType::kF32, {count, place.out});
    Pause();
  }
}

bool GradientSketch::Wants(const model::ModulePlace& place) const {
  return topology_.FindPlace(place).has_value();
}

void GradientSketch::Take(ops::Context& context, const model::LinearGradient& gradient) {
  Place& mine = places_[*topology_.FindPlace(gradient.place)];
  const ops::LowRankView view{
      .a = mine.a.As<float>().data(), .b = mine.b.As<float>().data(), .rank = mine.a.shape()[0]};
  ops::LowRankGradient(context, gradient.x, gradient.dy, view, 1.0f, MatrixOf(mine.found_a),
                       MatrixOf(mine.found_b), {});
}

void GradientSketch::NextPass() {
  for (Place& place : places_) {
    std::swap(place.a, place.found_a);
    std::swap(place.b, place.found_b);
    OrthonormaliseRows(MatrixOf(place.a));
    OrthonormaliseRows(MatrixOf(place.b));
    std::ranges::fill(place.found_a.As<float>(), 0.0f);
    std::ranges::fill(place.found_b.As<float>(), 0.0f);
    Pause();
  }
}

std::vector<RightSingular> GradientSketch::Finish() const {
  std::vector<RightSingular> result;
  for (const Place& place : places_) {
    result.push_back(SvdOfRows(MatrixOf(place.found_a)));
    Pause();
  }
  return result;
}

}  // namespace hyprstream::training
