// Derivatives by the complex step, exact to rounding.
#pragma once

#include <functional>

#include "support/reference/scalar.h"

namespace hyprstream::reference {

using Complex = std::complex<double>;

inline constexpr double kStep = 1e-30;

/// ∂f/∂x for every element of x; f gives a scalar.
template <typename Function>
Grid<double> ComplexStepGradient(const Grid<double>& x, const Function& f) {
  Grid<double> gradient(x.rows, x.cols);
  Grid<Complex> moved = Convert<Complex>(x);
  for (size_t i = 0; i < x.data.size(); ++i) {
    moved.data[i] = Complex(x.data[i], kStep);
    gradient.data[i] = f(moved).imag() / kStep;
    moved.data[i] = x.data[i];
  }
  return gradient;
}

/// Σ y ∘ dy: the scalar whose gradient is what flows back from dy.
template <typename T>
T Weighted(const Grid<T>& y, const Grid<double>& dy) {
  T sum{};
  for (size_t i = 0; i < y.data.size(); ++i) sum += y.data[i] * dy.data[i];
  return sum;
}

/// Largest |a − b| relative to the largest |b|.
inline double RelativeDifference(const Grid<double>& a, const Grid<double>& b) {
  double difference = 0;
  double largest = 1e-300;
  for (size_t i = 0; i < b.data.size(); ++i) {
    const double d = std::abs(a.data[i] - b.data[i]);
    if (!(d <= difference)) difference = d;
    largest = std::max(largest, std::abs(b.data[i]));
  }
  return difference / largest;
}

}  // namespace hyprstream::reference
