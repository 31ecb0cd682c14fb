// The scalars that the reference model computes with: double, and std::complex<double>, whose
// imaginary part carries a derivative without cancellation (complex-step: Im f(x + ih) / h, Squire
// & Trapp 1998). Choices (maxima, routing) look at real parts only.
#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <vector>

namespace hyprstream::reference {

inline double Real(double x) { return x; }
inline double Real(const std::complex<double>& x) { return x.real(); }

/// [rows, cols], row-major.
template <typename T>
struct Grid {
  Grid() = default;
  Grid(int64_t row_count, int64_t col_count)
      : rows(row_count), cols(col_count), data(static_cast<size_t>(row_count * col_count)) {}

  T& at(int64_t row, int64_t col) { return data[static_cast<size_t>(row * cols + col)]; }
  const T& at(int64_t row, int64_t col) const {
    return data[static_cast<size_t>(row * cols + col)];
  }

  int64_t rows = 0;
  int64_t cols = 0;
  std::vector<T> data;
};

template <typename To, typename From>
Grid<To> Convert(const Grid<From>& from) {
  Grid<To> to(from.rows, from.cols);
  for (size_t i = 0; i < from.data.size(); ++i) to.data[i] = static_cast<To>(from.data[i]);
  return to;
}

template <typename T>
void AddTo(Grid<T>& sum, const Grid<T>& more) {
  for (size_t i = 0; i < sum.data.size(); ++i) sum.data[i] += more.data[i];
}

}  // namespace hyprstream::reference
