// Losses of rows of logits by their formulas, and their gradients. Each is the sum over the rows;
// divide for the mean.
#pragma once

#include "support/reference/operations.h"

namespace hyprstream::reference {

template <typename T>
T LogSumExp(const Grid<T>& x, int64_t row, double temperature) {
  double largest = Real(x.at(row, 0));
  for (int64_t i = 0; i < x.cols; ++i) largest = std::max(largest, Real(x.at(row, i)));
  T sum{};
  for (int64_t i = 0; i < x.cols; ++i) sum += std::exp((x.at(row, i) - largest) / temperature);
  return std::log(sum) + largest / temperature;
}

/// Σ_rows −Σ_v target[v] · log p[v]; target = (1 − ε) at the label + ε/V everywhere.
template <typename T>
T CrossEntropy(const Grid<T>& logits, const std::vector<int32_t>& labels, double smoothing) {
  T loss{};
  for (int64_t m = 0; m < logits.rows; ++m) {
    const T log_sum = LogSumExp(logits, m, 1.0);
    for (int64_t v = 0; v < logits.cols; ++v) {
      const double target = smoothing / static_cast<double>(logits.cols) +
                            (v == labels[static_cast<size_t>(m)] ? 1.0 - smoothing : 0.0);
      loss -= target * (logits.at(m, v) - log_sum);
    }
  }
  return loss;
}

template <typename T>
Grid<T> CrossEntropyGradient(const Grid<T>& logits, const std::vector<int32_t>& labels,
                             double smoothing) {
  Grid<T> d = Softmax(logits);
  for (int64_t m = 0; m < d.rows; ++m) {
    for (int64_t v = 0; v < d.cols; ++v) d.at(m, v) -= smoothing / static_cast<double>(d.cols);
    d.at(m, labels[static_cast<size_t>(m)]) -= 1.0 - smoothing;
  }
  return d;
}

/// Σ p (log p − log q) of softmaxes at `temperature`.
template <typename T>
T Divergence(const Grid<T>& p_logits, const Grid<T>& q_logits, double temperature) {
  T loss{};
  for (int64_t m = 0; m < p_logits.rows; ++m) {
    const T p_sum = LogSumExp(p_logits, m, temperature);
    const T q_sum = LogSumExp(q_logits, m, temperature);
    for (int64_t v = 0; v < p_logits.cols; ++v) {
      const T log_p = p_logits.at(m, v) / temperature - p_sum;
      loss += std::exp(log_p) * (log_p - (q_logits.at(m, v) / temperature - q_sum));
    }
  }
  return loss;
}

/// Of Divergence(teacher, student) by the student.
template <typename T>
Grid<T> ForwardKlGradient(const Grid<T>& student, const Grid<T>& teacher, double temperature) {
  Grid<T> d = Softmax(student, temperature);
  const Grid<T> p = Softmax(teacher, temperature);
  for (size_t i = 0; i < d.data.size(); ++i) d.data[i] = (d.data[i] - p.data[i]) / temperature;
  return d;
}

/// Of Divergence(student, teacher) by the student.
template <typename T>
Grid<T> ReverseKlGradient(const Grid<T>& student, const Grid<T>& teacher, double temperature) {
  Grid<T> d(student.rows, student.cols);
  for (int64_t m = 0; m < d.rows; ++m) {
    const T s_sum = LogSumExp(student, m, temperature);
    const T t_sum = LogSumExp(teacher, m, temperature);
    T mean{};
    for (int64_t v = 0; v < d.cols; ++v) {
      const T log_s = student.at(m, v) / temperature - s_sum;
      const T gap = log_s - (teacher.at(m, v) / temperature - t_sum);
      d.at(m, v) = std::exp(log_s) * gap / temperature;
      mean += std::exp(log_s) * gap;
    }
    for (int64_t v = 0; v < d.cols; ++v) {
      d.at(m, v) -= std::exp(student.at(m, v) / temperature - s_sum) * mean / temperature;
    }
  }
  return d;
}

template <typename T>
T MeanSquare(const Grid<T>& student, const Grid<T>& teacher) {
  T loss{};
  for (size_t i = 0; i < student.data.size(); ++i) {
    const T difference = student.data[i] - teacher.data[i];
    loss += difference * difference / static_cast<double>(student.cols);
  }
  return loss;
}

template <typename T>
Grid<T> MeanSquareGradient(const Grid<T>& student, const Grid<T>& teacher) {
  Grid<T> d(student.rows, student.cols);
  for (size_t i = 0; i < d.data.size(); ++i) {
    d.data[i] = 2.0 * (student.data[i] - teacher.data[i]) / static_cast<double>(student.cols);
  }
  return d;
}

}  // namespace hyprstream::reference
