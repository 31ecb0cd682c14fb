// Causal grouped-query attention of one sequence by its formula, and its gradient.
#pragma once

#include "support/reference/operations.h"

namespace hyprstream::reference {

struct AttentionShape {
  int64_t head_dim = 0;
  double scale = 0;
  int64_t window = 0;  // 0: none
};

inline bool Sees(const AttentionShape& shape, int64_t query, int64_t key) {
  return key <= query && (shape.window == 0 || query - key < shape.window);
}

/// Probabilities of one query row and head over all keys, 0 where it does not look.
template <typename T>
std::vector<T> AttentionRow(const Grid<T>& q, const Grid<T>& k, const AttentionShape& shape,
                            int64_t row, int64_t head) {
  const int64_t group = q.cols / k.cols;
  const int64_t query = head * shape.head_dim;
  const int64_t key = head / group * shape.head_dim;
  std::vector<T> p(static_cast<size_t>(k.rows));
  double largest = -1e300;
  for (int64_t j = 0; j < k.rows; ++j) {
    if (!Sees(shape, row, j)) continue;
    for (int64_t i = 0; i < shape.head_dim; ++i) {
      p[static_cast<size_t>(j)] += q.at(row, query + i) * k.at(j, key + i);
    }
    p[static_cast<size_t>(j)] *= shape.scale;
    largest = std::max(largest, Real(p[static_cast<size_t>(j)]));
  }
  T sum{};
  for (int64_t j = 0; j < k.rows; ++j) {
    T& value = p[static_cast<size_t>(j)];
    value = Sees(shape, row, j) ? std::exp(value - largest) : T{};
    sum += value;
  }
  for (T& value : p) value /= sum;
  return p;
}

template <typename T>
Grid<T> Attention(const Grid<T>& q, const Grid<T>& k, const Grid<T>& v,
                  const AttentionShape& shape) {
  const int64_t group = q.cols / k.cols;
  Grid<T> out(q.rows, q.cols);
  for (int64_t row = 0; row < q.rows; ++row) {
    for (int64_t head = 0; head < q.cols / shape.head_dim; ++head) {
      const std::vector<T> p = AttentionRow(q, k, shape, row, head);
      for (int64_t j = 0; j < k.rows; ++j) {
        for (int64_t i = 0; i < shape.head_dim; ++i) {
          out.at(row, head * shape.head_dim + i) +=
              p[static_cast<size_t>(j)] * v.at(j, head / group * shape.head_dim + i);
        }
      }
    }
  }
  return out;
}

template <typename T>
struct AttentionGradients {
  Grid<T> q;
  Grid<T> k;
  Grid<T> v;
};

template <typename T>
AttentionGradients<T> AttentionGradient(const Grid<T>& q, const Grid<T>& k, const Grid<T>& v,
                                        const AttentionShape& shape, const Grid<T>& dout) {
  const int64_t group = q.cols / k.cols;
  AttentionGradients<T> d{Grid<T>(q.rows, q.cols), Grid<T>(k.rows, k.cols),
                          Grid<T>(v.rows, v.cols)};
  for (int64_t row = 0; row < q.rows; ++row) {
    for (int64_t head = 0; head < q.cols / shape.head_dim; ++head) {
      const int64_t query = head * shape.head_dim;
      const int64_t key = head / group * shape.head_dim;
      const std::vector<T> p = AttentionRow(q, k, shape, row, head);
      std::vector<T> dp(p.size());
      T mean{};
      for (int64_t j = 0; j < k.rows; ++j) {
        const auto at = static_cast<size_t>(j);
        for (int64_t i = 0; i < shape.head_dim; ++i) {
          dp[at] += dout.at(row, query + i) * v.at(j, key + i);
          d.v.at(j, key + i) += p[at] * dout.at(row, query + i);
        }
        mean += p[at] * dp[at];
      }
      for (int64_t j = 0; j < k.rows; ++j) {
        const auto at = static_cast<size_t>(j);
        const T ds = p[at] * (dp[at] - mean) * shape.scale;
        for (int64_t i = 0; i < shape.head_dim; ++i) {
          d.q.at(row, query + i) += ds * k.at(j, key + i);
          d.k.at(j, key + i) += ds * q.at(row, query + i);
        }
      }
    }
  }
  return d;
}

}  // namespace hyprstream::reference
