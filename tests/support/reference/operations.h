// Every operation of the decoder as its plain formula, with its gradient written by hand: what the
// fast operations are compared with. Slow on purpose. T is double or std::complex<double>.
#pragma once

#include <algorithm>

#include "support/reference/scalar.h"

namespace hyprstream::reference {

/// y = x wᵀ; w [out, in].
template <typename T>
Grid<T> Multiply(const Grid<T>& x, const Grid<T>& w) {
  Grid<T> y(x.rows, w.rows);
  for (int64_t m = 0; m < x.rows; ++m) {
    for (int64_t i = 0; i < w.rows; ++i) {
      for (int64_t k = 0; k < x.cols; ++k) y.at(m, i) += x.at(m, k) * w.at(i, k);
    }
  }
  return y;
}

/// dy w.
template <typename T>
Grid<T> MultiplyInputGradient(const Grid<T>& dy, const Grid<T>& w) {
  Grid<T> dx(dy.rows, w.cols);
  for (int64_t m = 0; m < dy.rows; ++m) {
    for (int64_t i = 0; i < w.rows; ++i) {
      for (int64_t k = 0; k < w.cols; ++k) dx.at(m, k) += dy.at(m, i) * w.at(i, k);
    }
  }
  return dx;
}

/// dyᵀ x: [out, in].
template <typename T>
Grid<T> MultiplyWeightGradient(const Grid<T>& x, const Grid<T>& dy) {
  Grid<T> dw(dy.cols, x.cols);
  for (int64_t m = 0; m < dy.rows; ++m) {
    for (int64_t i = 0; i < dy.cols; ++i) {
      for (int64_t k = 0; k < x.cols; ++k) dw.at(i, k) += dy.at(m, i) * x.at(m, k);
    }
  }
  return dw;
}

/// Every head of width `weight.size()` alone.
template <typename T>
Grid<T> RmsNorm(const Grid<T>& x, const std::vector<T>& weight, double eps) {
  const auto width = static_cast<int64_t>(weight.size());
  Grid<T> y(x.rows, x.cols);
  for (int64_t m = 0; m < x.rows; ++m) {
    for (int64_t head = 0; head < x.cols; head += width) {
      T sum{};
      for (int64_t i = 0; i < width; ++i) sum += x.at(m, head + i) * x.at(m, head + i);
      const T inverse = 1.0 / std::sqrt(sum / static_cast<double>(width) + eps);
      for (int64_t i = 0; i < width; ++i) {
        y.at(m, head + i) = x.at(m, head + i) * inverse * weight[static_cast<size_t>(i)];
      }
    }
  }
  return y;
}

template <typename T>
Grid<T> RmsNormGradient(const Grid<T>& x, const std::vector<T>& weight, double eps,
                        const Grid<T>& dy) {
  const auto width = static_cast<int64_t>(weight.size());
  const auto n = static_cast<double>(width);
  Grid<T> dx(x.rows, x.cols);
  for (int64_t m = 0; m < x.rows; ++m) {
    for (int64_t head = 0; head < x.cols; head += width) {
      T squares{};
      T along{};
      for (int64_t i = 0; i < width; ++i) {
        const T value = x.at(m, head + i);
        squares += value * value;
        along += value * weight[static_cast<size_t>(i)] * dy.at(m, head + i);
      }
      const T inverse = 1.0 / std::sqrt(squares / n + eps);
      for (int64_t i = 0; i < width; ++i) {
        dx.at(m, head + i) = inverse * weight[static_cast<size_t>(i)] * dy.at(m, head + i) -
                             x.at(m, head + i) * along * inverse * inverse * inverse / n;
      }
    }
  }
  return dx;
}

template <typename T>
T Sigmoid(const T& x) {
  return 1.0 / (1.0 + std::exp(-x));
}

template <typename T>
Grid<T> SwiGlu(const Grid<T>& gate, const Grid<T>& up) {
  Grid<T> y(gate.rows, gate.cols);
  for (size_t i = 0; i < y.data.size(); ++i) {
    y.data[i] = gate.data[i] * Sigmoid(gate.data[i]) * up.data[i];
  }
  return y;
}

template <typename T>
struct SwiGluGradients {
  Grid<T> gate;
  Grid<T> up;
};

template <typename T>
SwiGluGradients<T> SwiGluGradient(const Grid<T>& gate, const Grid<T>& up, const Grid<T>& dy) {
  SwiGluGradients<T> d{gate, up};
  for (size_t i = 0; i < dy.data.size(); ++i) {
    const T s = Sigmoid(gate.data[i]);
    d.up.data[i] = dy.data[i] * gate.data[i] * s;
    d.gate.data[i] = dy.data[i] * up.data[i] * s * (1.0 + gate.data[i] * (1.0 - s));
  }
  return d;
}

/// Angles [rows, head_dim / 2] turn the pairs (i, i + head_dim / 2) of every head.
template <typename T>
Grid<T> Rotate(const Grid<T>& x, const Grid<double>& angles, double magnitude) {
  const int64_t half = angles.cols;
  Grid<T> y(x.rows, x.cols);
  for (int64_t m = 0; m < x.rows; ++m) {
    for (int64_t head = 0; head < x.cols; head += 2 * half) {
      for (int64_t i = 0; i < half; ++i) {
        const double cos = std::cos(angles.at(m, i)) * magnitude;
        const double sin = std::sin(angles.at(m, i)) * magnitude;
        const T a = x.at(m, head + i);
        const T b = x.at(m, head + half + i);
        y.at(m, head + i) = a * cos - b * sin;
        y.at(m, head + half + i) = b * cos + a * sin;
      }
    }
  }
  return y;
}

template <typename T>
Grid<T> RotateGradient(const Grid<T>& dy, const Grid<double>& angles, double magnitude) {
  Grid<double> opposite = angles;
  for (double& angle : opposite.data) angle = -angle;
  return Rotate(dy, opposite, magnitude);
}

/// Softmax of each row divided by `temperature`.
template <typename T>
Grid<T> Softmax(const Grid<T>& x, double temperature = 1.0) {
  Grid<T> y(x.rows, x.cols);
  for (int64_t m = 0; m < x.rows; ++m) {
    double largest = Real(x.at(m, 0));
    for (int64_t i = 0; i < x.cols; ++i) largest = std::max(largest, Real(x.at(m, i)));
    T sum{};
    for (int64_t i = 0; i < x.cols; ++i) {
      y.at(m, i) = std::exp((x.at(m, i) - largest) / temperature);
      sum += y.at(m, i);
    }
    for (int64_t i = 0; i < x.cols; ++i) y.at(m, i) /= sum;
  }
  return y;
}

}  // namespace hyprstream::reference
