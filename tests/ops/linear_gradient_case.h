// References in f64 for the gradients of the linear operation.
#pragma once

#include <cmath>
#include <limits>

#include "linear_case.h"
#include "ops/linear_gradient.h"

namespace hyprstream::testing {

inline Rows InputGradient(ops::Context& context, const ops::LinearWeight& weight, const Rows& dy) {
  Rows dx(dy.rows, weight.in_features());
  for (float& value : dx.data) value = 12345.0f;  // must be overwritten
  const ops::LinearGradientTerm term{&weight, dy.matrix()};
  ops::LinearInputGradient(context, {&term, 1}, dx.matrix());
  return dx;
}

/// A matrix in f64 with Σ |products| beside each sum.
struct Products {
  Products(int64_t row_count, int64_t col_count)
      : rows(row_count), cols(col_count), sums(static_cast<size_t>(row_count * col_count)) {}
  Product& at(int64_t row, int64_t col) { return sums[static_cast<size_t>(row * cols + col)]; }

  void Add(int64_t row, int64_t col, double a, double b) {
    Product& sum = at(row, col);
    sum.value += a * b;
    sum.magnitude += std::abs(a * b);
  }

  int64_t rows;
  int64_t cols;
  std::vector<Product> sums;
};

/// dy W with both sides rounded as they are given.
inline Products InputGradientReference(std::span<const double> dy, std::span<const double> w,
                                       int64_t rows, int64_t out, int64_t in) {
  Products result(rows, in);
  for (int64_t m = 0; m < rows; ++m) {
    for (int64_t o = 0; o < out; ++o) {
      for (int64_t i = 0; i < in; ++i) {
        result.Add(m, i, dy[static_cast<size_t>(m * out + o)], w[static_cast<size_t>(o * in + i)]);
      }
    }
  }
  return result;
}

/// Of one chain of `terms` multiply-adds: a random walk through as many roundings of 2⁻²⁴ (twice as
/// many where a multiply-add rounds twice), each relative to what is summed so far, at most
/// `magnitude`. Four of its deviations, since thousands of elements are compared.
inline double ChainTolerance(int64_t terms, double magnitude) {
  constexpr double kUnit = std::numeric_limits<float>::epsilon() / 2;
  // Below the smallest normal number bf16 products are flushed to zero.
  return kUnit * (4 + 4 * std::sqrt(2.0 * static_cast<double>(terms))) * magnitude +
         static_cast<double>(terms) * std::numeric_limits<float>::min();
}

}  // namespace hyprstream::testing
