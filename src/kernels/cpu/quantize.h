// Activations as the kernels take them: int8 blocks or bf16. Plain loops that the compiler turns
// into vectors; compiled once for each instruction set (hence static), with the same results.
#pragma once

#include <cstring>

#include "kernels/cpu/matmul.h"

namespace hyprstream::kernels {

/// Below this the reciprocal of a scale would overflow; such blocks count as zero.
inline constexpr float kSmallestAmplitude = 1e-30f;

static inline void QuantizeActivations(const float* x, int64_t count, ActivationBlock* out) {
  alignas(64) float padded[256];
  if (count < kSuperBlock) {
    std::memset(padded, 0, sizeof(padded));
    std::memcpy(padded, x, static_cast<size_t>(count) * sizeof(float));
    x = padded;
  }
  for (int b = 0; b < 8; ++b, x += 32) {
    // Magnitudes order like their bits, and NaN is the largest: it reaches the scale and the
    // result.
    int32_t largest = 0;
    for (int i = 0; i < 32; ++i) {
      int32_t bits;
      std::memcpy(&bits, x + i, sizeof(bits));
      bits &= 0x7fffffff;
      largest = bits > largest ? bits : largest;
    }
    float amplitude;
    std::memcpy(&amplitude, &largest, sizeof(amplitude));
    const bool small = amplitude < kSmallestAmplitude;
    out->scale[b] = small ? 0.0f : amplitude / 127.0f;
    const float inverse = small ? 0.0f : 127.0f / amplitude;
    // Adding 1.5·2^23 leaves the nearest integer (ties to even) in the low bits.
    constexpr float kMagic = 12582912.0f;
    int32_t sums[2] = {0, 0};
    for (int half = 0; half < 2; ++half) {
      for (int i = 16 * half; i < 16 * half + 16; ++i) {
        const float shifted = x[i] * inverse + kMagic;
        int32_t bits;
        std::memcpy(&bits, &shifted, sizeof(bits));
        const auto q = static_cast<int8_t>(bits & 0xff);
        out->q[32 * b + i] = q;
        sums[half] += q;
      }
      out->sum[2 * b + half] = static_cast<int16_t>(sums[half]);
    }
  }
}

static inline void RoundToBf16(const float* x, int64_t count, uint16_t* out) {
  for (int64_t i = 0; i < count; ++i) {
    uint32_t bits;
    std::memcpy(&bits, x + i, sizeof(bits));
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    const bool nan = (bits & 0x7fffffffu) > 0x7f800000u;
    out[i] = static_cast<uint16_t>(nan ? (bits >> 16) | 64u : rounded);
  }
}

/// y[m][i] += z[m][c] · b[c][i], components c in order.
static inline void AddLowRank(const LowRankArgs& a) {
  constexpr int64_t kColumns = 64;
  for (int64_t begin = 0; begin < a.outputs; begin += kColumns) {
    const int64_t count = a.outputs - begin < kColumns ? a.outputs - begin : kColumns;
    for (int64_t m = 0; m < a.rows; ++m) {
      alignas(64) float acc[kColumns];
      float* y = a.y + m * a.y_stride + begin;
      std::memcpy(acc, y, static_cast<size_t>(count) * sizeof(float));
      for (int64_t c = 0; c < a.rank; ++c) {
        const float z = a.z[m * a.rank + c];
        const float* b = a.b + c * a.b_stride + begin;
        for (int64_t i = 0; i < count; ++i) {
          const float product = z * b[i];
          // −0 + 0 is +0; an adapter of zeros must leave every bit alone.
          acc[i] = product == 0.0f ? acc[i] : acc[i] + product;
        }
      }
      std::memcpy(y, acc, static_cast<size_t>(count) * sizeof(float));
    }
  }
}

}  // namespace hyprstream::kernels
