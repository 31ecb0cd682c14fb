// How attention reads BF16 pages with the bf16 dot product of AVX-512 (vdpbf16ps): queries and
// weights are rounded to bf16, sums are f32. The interface is that of attention_pages_f32.h. Sums
// run over pairs of dimensions and pairs of keys in ascending order, one accumulator per result.
#pragma once

#include <cstdint>

#include "kernels/cpu/attention_kernels.h"

namespace hyprstream::kernels {
namespace {

struct DotPages {
  using Weight = uint16_t;

  /// Gives back what was stored, so that the sum of the weights is that of those used.
  static Lanes::F StoreWeights(uint16_t* p, Lanes::F weights) {
    const __m256i rounded = (__m256i)_mm512_cvtneps_pbh(weights);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), rounded);
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(rounded), 16));
  }

  /// `packed` is [head_dim/2][R] pairs.
  template <int R>
  static void PackQueries(const float* const* rows, int head_dim, float* packed) {
    uint32_t* pairs = reinterpret_cast<uint32_t*>(packed);
    for (int r = 0; r < R; ++r) {
      for (int i = 0; i < head_dim; i += 16) {
        const int count = head_dim - i < 16 ? head_dim - i : 16;
        alignas(32) uint32_t rounded[8];
        const Lanes::F q = Lanes::LoadFirst(rows[r] + i, count);
        _mm256_store_si256(reinterpret_cast<__m256i*>(rounded), (__m256i)_mm512_cvtneps_pbh(q));
        for (int k = 0; k < count / 2; ++k) pairs[int64_t{i / 2 + k} * R + r] = rounded[k];
      }
    }
  }

  template <int R>
  static void Scores(const float* queries, const std::byte* page, const std::byte* ahead,
                     int head_dim, float* scores) {
    static_assert(kPageKeys == 32);
    const int32_t* q = reinterpret_cast<const int32_t*>(queries);
    __m512 sum[R][2];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
    for (int i = 0; i < head_dim / 2; ++i) {
      const __m512bh a = (__m512bh)_mm512_loadu_si512(page + int64_t{i} * 128);
      const __m512bh b = (__m512bh)_mm512_loadu_si512(page + int64_t{i} * 128 + 64);
      __builtin_prefetch(ahead + int64_t{i} * 128, 0, 2);
      __builtin_prefetch(ahead + int64_t{i} * 128 + 64, 0, 2);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const __m512bh pair = (__m512bh)_mm512_set1_epi32(q[int64_t{i} * R + r]);
        sum[r][0] = _mm512_dpbf16_ps(sum[r][0], pair, a);
        sum[r][1] = _mm512_dpbf16_ps(sum[r][1], pair, b);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      _mm512_storeu_ps(scores + r * kBlockKeys, sum[r][0]);
      _mm512_storeu_ps(scores + r * kBlockKeys + 16, sum[r][1]);
    }
  }

  template <int R, int V>
  static void Accumulate(const std::byte* page, const std::byte* ahead, int head_dim, int dimension,
                         int lanes, int begin, int end, const uint16_t* weights, float* values,
                         int stride) {
    const std::byte* base = page + int64_t{dimension} * 4;
    __m512 sum[R][V];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        sum[r][v] = _mm512_loadu_ps(values + r * stride + dimension + v * 16);
      }
    }
    const auto add_pair = [&](int pair, __m512i keep) __attribute__((always_inline)) {
      const std::byte* value = base + int64_t{pair} * head_dim * 4;
      __m512bh x[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        if constexpr (R == 1) __builtin_prefetch(ahead + (value - page) + v * 64, 0, 2);
        const __m512i bits = V > 1 || lanes == 16
                                 ? _mm512_loadu_si512(value + v * 64)
                                 : _mm512_maskz_loadu_epi32(Lanes::Mask(0, lanes), value);
        x[v] = (__m512bh)_mm512_and_si512(bits, keep);
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        int32_t both;
        __builtin_memcpy(&both, weights + r * kBlockKeys + 2 * pair, sizeof(both));
        const __m512bh w = (__m512bh)_mm512_set1_epi32(both);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) sum[r][v] = _mm512_dpbf16_ps(sum[r][v], w, x[v]);
      }
    };
    // A masked key of a pair becomes zero: it may be infinite, and its weight of zero would not
    // help.
    const __m512i all = _mm512_set1_epi32(-1);
    int pair = begin / 2;
    if (begin % 2 != 0) {
      add_pair(pair, _mm512_set1_epi32(static_cast<int32_t>(0xffff0000u)));
      ++pair;
    }
    for (; pair < end / 2; ++pair) add_pair(pair, all);
    if (end % 2 != 0 && pair == end / 2) add_pair(pair, _mm512_set1_epi32(0xffff));
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        _mm512_storeu_ps(values + r * stride + dimension + v * 16, sum[r][v]);
      }
    }
  }
};

}  // namespace
}  // namespace hyprstream::kernels
