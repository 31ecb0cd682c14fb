// The reference's gradients, written by hand, equal complex-step derivatives of its formulas.
#include <gtest/gtest.h>

#include <random>

#include "support/reference/attention.h"
#include "support/reference/complex_step.h"
#include "support/reference/losses.h"

namespace hyprstream::reference {
namespace {

constexpr double kTolerance = 1e-12;

Grid<double> Random(int64_t rows, int64_t cols, uint32_t seed) {
  Grid<double> grid(rows, cols);
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  for (double& value : grid.data) value = normal(random);
  return grid;
}

template <typename T>
std::vector<T> Widen(const Grid<double>& grid) {
  return Convert<T>(grid).data;
}

TEST(Reference, LinearGradientsAreDerivatives) {
  const Grid<double> x = Random(3, 5, 1);
  const Grid<double> w = Random(4, 5, 2);
  const Grid<double> dy = Random(3, 4, 3);
  const auto by_x = ComplexStepGradient(
      x, [&](const Grid<Complex>& z) { return Weighted(Multiply(z, Convert<Complex>(w)), dy); });
  const auto by_w = ComplexStepGradient(
      w, [&](const Grid<Complex>& z) { return Weighted(Multiply(Convert<Complex>(x), z), dy); });
  EXPECT_LE(RelativeDifference(MultiplyInputGradient(dy, w), by_x), kTolerance);
  EXPECT_LE(RelativeDifference(MultiplyWeightGradient(x, dy), by_w), kTolerance);
}

TEST(Reference, NormGradientsAreDerivatives) {
  const Grid<double> x = Random(3, 12, 1);
  const Grid<double> weight = Random(1, 4, 2);  // three heads
  const Grid<double> dy = Random(3, 12, 3);
  const auto want = ComplexStepGradient(x, [&](const Grid<Complex>& z) {
    return Weighted(RmsNorm(z, Widen<Complex>(weight), 1e-3), dy);
  });
  EXPECT_LE(RelativeDifference(RmsNormGradient(x, weight.data, 1e-3, dy), want), kTolerance);
}

TEST(Reference, SwiGluGradientsAreDerivatives) {
  const Grid<double> gate = Random(3, 7, 1);
  const Grid<double> up = Random(3, 7, 2);
  const Grid<double> dy = Random(3, 7, 3);
  const auto got = SwiGluGradient(gate, up, dy);
  const auto by_gate = ComplexStepGradient(
      gate, [&](const Grid<Complex>& z) { return Weighted(SwiGlu(z, Convert<Complex>(up)), dy); });
  const auto by_up = ComplexStepGradient(
      up, [&](const Grid<Complex>& z) { return Weighted(SwiGlu(Convert<Complex>(gate), z), dy); });
  EXPECT_LE(RelativeDifference(got.gate, by_gate), kTolerance);
  EXPECT_LE(RelativeDifference(got.up, by_up), kTolerance);
}

TEST(Reference, RotationGradientsAreDerivatives) {
  const Grid<double> x = Random(3, 12, 1);
  const Grid<double> angles = Random(3, 3, 2);
  const Grid<double> dy = Random(3, 12, 3);
  const auto want = ComplexStepGradient(
      x, [&](const Grid<Complex>& z) { return Weighted(Rotate(z, angles, 1.3), dy); });
  EXPECT_LE(RelativeDifference(RotateGradient(dy, angles, 1.3), want), kTolerance);
}

TEST(Reference, AttentionGradientsAreDerivatives) {
  for (const int64_t window : {0, 3}) {
    const AttentionShape shape{.head_dim = 4, .scale = 0.5, .window = window};
    const Grid<double> q = Random(6, 16, 1);
    const Grid<double> k = Random(6, 8, 2);
    const Grid<double> v = Random(6, 8, 3);
    const Grid<double> dy = Random(6, 16, 4);
    const auto c = [](const Grid<double>& grid) { return Convert<Complex>(grid); };
    const auto got = AttentionGradient(q, k, v, shape, dy);
    const auto by_q = ComplexStepGradient(
        q, [&](const Grid<Complex>& z) { return Weighted(Attention(z, c(k), c(v), shape), dy); });
    const auto by_k = ComplexStepGradient(
        k, [&](const Grid<Complex>& z) { return Weighted(Attention(c(q), z, c(v), shape), dy); });
    const auto by_v = ComplexStepGradient(
        v, [&](const Grid<Complex>& z) { return Weighted(Attention(c(q), c(k), z, shape), dy); });
    EXPECT_LE(RelativeDifference(got.q, by_q), kTolerance);
    EXPECT_LE(RelativeDifference(got.k, by_k), kTolerance);
    EXPECT_LE(RelativeDifference(got.v, by_v), kTolerance);
  }
}

TEST(Reference, LossGradientsAreDerivatives) {
  const Grid<double> student = Random(3, 9, 1);
  const Grid<double> teacher = Random(3, 9, 2);
  const Grid<Complex> other = Convert<Complex>(teacher);
  const std::vector<int32_t> labels = {0, 8, 4};
  const auto of = [&](auto f) { return ComplexStepGradient(student, f); };
  using Logits = Grid<Complex>;
  EXPECT_LE(RelativeDifference(CrossEntropyGradient(student, labels, 0.1),
                               of([&](const Logits& z) { return CrossEntropy(z, labels, 0.1); })),
            kTolerance);
  EXPECT_LE(RelativeDifference(ForwardKlGradient(student, teacher, 2.0),
                               of([&](const Logits& z) { return Divergence(other, z, 2.0); })),
            kTolerance);
  EXPECT_LE(RelativeDifference(ReverseKlGradient(student, teacher, 2.0),
                               of([&](const Logits& z) { return Divergence(z, other, 2.0); })),
            kTolerance);
  EXPECT_LE(RelativeDifference(MeanSquareGradient(student, teacher),
                               of([&](const Logits& z) { return MeanSquare(z, other); })),
            kTolerance);
}

}  // namespace
}  // namespace hyprstream::reference
