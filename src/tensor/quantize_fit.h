// The least-squares steps that all block encoders are made of: rounding to a given scale, and the
// best scale for given integers. Private to tensor/.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstring>

#include "tensor/float16.h"

namespace hyprstream::fit {

/// Four floats that are computed with at once; every processor we run on can. Loops over floats
/// with sums in lanes were left scalar by the compiler: a third of this speed.
using Four [[gnu::vector_size(16)]] = float;
constexpr int kFour = 4;

inline Four Load(const float* x) {
  Four four;
  std::memcpy(&four, x, sizeof(four));
  return four;
}
inline float Total(Four four) { return (four[0] + four[2]) + (four[1] + four[3]); }

/// To the nearest integer, ties to even, for |x| < 2^22: the sum has no bits left below one.
template <typename T>
T Round(T x) {
  constexpr float kMagic = 12582912.0f;  // 1.5 · 2^23
  return (x + kMagic) - kMagic;
}

inline float AsHalf(float x) { return F16ToF32(F32ToF16(std::clamp(x, -65504.0f, 65504.0f))); }

/// N values as scale · q − minimum, with whole q from lo to hi.
template <int N>
struct Code {
  std::array<float, N> q{};
  float scale = 0;
  float minimum = 0;
  float error = INFINITY;  // Σ (x − scale · q + minimum)²
};

/// The best integers for a scale and a minimum.
template <int N>
Code<N> Quantize(const float* x, float scale, float minimum, float lo, float hi) {
  Code<N> code;
  code.scale = scale;
  code.minimum = minimum;
  const float inverse = scale == 0.0f ? 0.0f : 1.0f / scale;
  // A scale whose inverse overflows is as good as none.
  const float factor = std::isfinite(inverse) ? inverse : 0.0f;
  const Four least = Four{} + lo, most = Four{} + hi;
  Four error{};
  for (int i = 0; i < N; i += kFour) {
    const Four value = Load(x + i);
    Four q = (value + minimum) * factor;
    q = q < least ? least : q;
    q = q > most ? most : q;
    q = Round(q);
    std::memcpy(code.q.data() + i, &q, sizeof(q));
    const Four off = value - (scale * q - minimum);
    error += off * off;
  }
  code.error = Total(error);
  return code;
}

/// The scale with the least error for given integers, without a minimum; 0 when all are 0.
template <int N>
float BestScale(const float* x, const std::array<float, N>& q) {
  Four products{}, squares{};
  for (int i = 0; i < N; i += kFour) {
    const Four level = Load(q.data() + i);
    products += Load(x + i) * level;
    squares += level * level;
  }
  const float all = Total(squares);
  return all > 0 ? Total(products) / all : 0.0f;
}

/// The same where the square of each element's error counts by its weight.
template <int N>
float BestScale(const float* x, const std::array<float, N>& weights,
                const std::array<float, N>& q) {
  Four products{}, squares{};
  for (int i = 0; i < N; i += kFour) {
    const Four level = Load(q.data() + i), weighed = Load(weights.data() + i) * level;
    products += Load(x + i) * weighed;
    squares += level * weighed;
  }
  const float all = Total(squares);
  return all > 0 ? Total(products) / all : 0.0f;
}

/// Σ weight · (x − scale · q)², for a code without a minimum.
template <int N>
float WeightedError(const float* x, const std::array<float, N>& weights, const Code<N>& code) {
  Four error{};
  for (int i = 0; i < N; i += kFour) {
    const Four off = Load(x + i) - code.scale * Load(code.q.data() + i);
    error += Load(weights.data() + i) * off * off;
  }
  return Total(error);
}

struct Line {
  float scale = 0;
  float minimum = 0;
};
/// The line with the least error for given integers, its minimum not below 0.
template <int N>
Line BestLine(const float* x, const std::array<float, N>& q) {
  Four values{}, levels{}, products{}, squares{};
  for (int i = 0; i < N; i += kFour) {
    const Four value = Load(x + i), level = Load(q.data() + i);
    values += value;
    levels += level;
    products += value * level;
    squares += level * level;
  }
  const float x1 = Total(values), q1 = Total(levels), xq = Total(products), qq = Total(squares);
  const float determinant = N * qq - q1 * q1;
  if (determinant > 0) {
    const float scale = (N * xq - x1 * q1) / determinant;
    const float minimum = (scale * q1 - x1) / N;
    if (scale > 0 && minimum >= 0) return {scale, minimum};
  }
  return {qq > 0 ? std::max(xq / qq, 0.0f) : 0.0f, 0.0f};
}

template <int N>
void Keep(Code<N>& best, const Code<N>& other) {
  if (other.error < best.error) best = other;
}

}  // namespace hyprstream::fit
