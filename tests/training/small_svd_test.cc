#include "training/small_svd.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"

namespace hyprstream::training {
namespace {

std::vector<float> RandomValues(size_t count, uint64_t seed) {
  const CounterRandom random(seed);
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(random.Uniform(i) - 0.5);
  return values;
}

Matrix View(std::vector<float>& values, int64_t rows) {
  const auto cols = static_cast<int64_t>(values.size()) / rows;
  return {values.data(), rows, cols, cols};
}

double Dot(const float* a, const float* b, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

TEST(SmallSvd, OrthonormalRowsSpanWhatTheyDidBefore) {
  std::vector<float> before = RandomValues(5 * 40, 1);
  std::vector<float> after = before;
  const Matrix m = View(before, 5);
  const Matrix q = View(after, 5);
  OrthonormaliseRows(q);
  for (int64_t i = 0; i < 5; ++i) {
    for (int64_t j = 0; j < 5; ++j) {
      EXPECT_NEAR(Dot(q.row(i), q.row(j), 40), i == j ? 1.0 : 0.0, 1e-6);
    }
    double projected = 0;
    for (int64_t j = 0; j < 5; ++j) projected += std::pow(Dot(m.row(i), q.row(j), 40), 2);
    EXPECT_NEAR(projected, Dot(m.row(i), m.row(i), 40), 1e-5);
  }
}

TEST(SmallSvd, FindsTheSingularVectorsOfASumOfComponents) {
  std::vector<float> basis = RandomValues(3 * 60, 2);
  std::vector<float> left = RandomValues(3 * 8, 3);
  const Matrix v = View(basis, 3);
  const Matrix u = View(left, 3);
  OrthonormaliseRows(v);
  OrthonormaliseRows(u);
  const float strength[] = {5.0f, 2.0f, 0.5f};
  std::vector<float> sum(8 * 60);
  for (int64_t i = 0; i < 8; ++i) {
    for (int64_t j = 0; j < 60; ++j) {
      for (int64_t c = 0; c < 3; ++c) {
        sum[static_cast<size_t>(i * 60 + j)] += strength[c] * u.row(c)[i] * v.row(c)[j];
      }
    }
  }
  const RightSingular svd = SvdOfRows(View(sum, 8));
  for (int64_t c = 0; c < 3; ++c) {
    EXPECT_NEAR(svd.values[static_cast<size_t>(c)], strength[c], 1e-5);
    EXPECT_NEAR(std::abs(Dot(svd.vectors.data() + c * 60, v.row(c), 60)), 1.0, 1e-5);
  }
  EXPECT_NEAR(svd.values[3], 0.0, 1e-5);
}

}  // namespace
}  // namespace hyprstream::training
