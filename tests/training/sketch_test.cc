#include "training/sketch.h"

#include <gtest/gtest.h>

#include <cmath>

#include "model/harness.h"
#include "training/trainer.h"

namespace hyprstream::training {
namespace {

using namespace hyprstream::testing;

// Holds whole gradients: what the sketch is to do without.
class WholeGradients final : public model::GradientSink {
 public:
  bool Wants(const model::ModulePlace&) const override { return true; }
  void Take(ops::Context&, const model::LinearGradient& g) override {
    std::vector<float>& sum = sums[g.place];
    sum.resize(static_cast<size_t>(g.dy.cols * g.x.cols));
    for (int64_t row = 0; row < g.x.rows; ++row) {
      for (int64_t o = 0; o < g.dy.cols; ++o) {
        for (int64_t i = 0; i < g.x.cols; ++i) {
          sum[static_cast<size_t>(o * g.x.cols + i)] += g.dy.row(row)[o] * g.x.row(row)[i];
        }
      }
    }
  }
  std::map<model::ModulePlace, std::vector<float>> sums;
};

TEST(GradientSketch, FindsTheSingularValuesOfTheWholeGradient) {
  Compute compute;
  const auto model = LoadExact(DataPath("fixtures/qwen3-untied"), compute.context);
  const adapters::Topology topology(
      model->config(), adapters::DefaultSpec(adapters::AdapterKind::kSparse, model->config(), ""));
  Trainer trainer(model, adapters::TrainableAdapter(topology), {});
  Sample sample;
  for (int32_t id = 3; id < 40; id += 2) {
    sample.ids.push_back(id * 7);
    sample.labels.push_back(id * 7);
  }
  MicroBatch batch;
  batch.samples = {&sample};
  WholeGradients whole;
  trainer.Sketch(compute.context, {&batch, 1}, whole);
  size_t pauses = 0;
  GradientSketch sketch(topology, 8, 1, [&pauses] { ++pauses; });
  EXPECT_EQ(pauses, 2 * topology.places().size());
  for (int pass = 0; pass < 4; ++pass) {
    if (pass > 0) sketch.NextPass();
    trainer.Sketch(compute.context, {&batch, 1}, sketch);
  }
  const std::vector<RightSingular> found = sketch.Finish();
  EXPECT_EQ(pauses, 6 * topology.places().size());  // the bases, three passes, the values
  for (size_t p = 0; p < topology.places().size(); ++p) {
    const adapters::TopologyPlace& place = topology.places()[p];
    std::vector<float>& gradient = whole.sums.at(place.at);
    // Of the smaller side: the singular values are the same.
    std::vector<float> rows = gradient;
    int64_t count = place.out, length = place.in;
    if (count > length) {
      for (int64_t o = 0; o < place.out; ++o) {
        for (int64_t i = 0; i < place.in; ++i) {
          rows[static_cast<size_t>(i * place.out + o)] =
              gradient[static_cast<size_t>(o * place.in + i)];
        }
      }
      std::swap(count, length);
    }
    const RightSingular exact = SvdOfRows({rows.data(), count, length, length});
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_NEAR(found[p].values[i], exact.values[i], 0.02 * exact.values[0]) << place.path;
    }
    // |G a| is the singular value that belongs to a.
    double squares = 0.0;
    for (int64_t o = 0; o < place.out; ++o) {
      double dot = 0.0;
      for (int64_t i = 0; i < place.in; ++i) {
        dot += static_cast<double>(gradient[static_cast<size_t>(o * place.in + i)]) *
               static_cast<double>(found[p].vectors[static_cast<size_t>(i)]);
      }
      squares += dot * dot;
    }
    EXPECT_NEAR(std::sqrt(squares), exact.values[0], 0.01 * exact.values[0]) << place.path;
  }
}

}  // namespace
}  // namespace hyprstream::training
