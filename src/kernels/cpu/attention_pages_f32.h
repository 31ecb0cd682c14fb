// How attention reads pages with f32 arithmetic: F32 pages as they are, BF16 pages widened in
// registers. Included after one lanes_*.h. A Pages type has
//   Weight       what a softmax weight is stored as
//   PackQueries  R rows of queries → `packed`, [head_dim][R]
//   Scores       R rows against one page's keys → scores [R][kBlockKeys]
//   Accumulate   values += weights · value rows, keys [begin, end) of one page
// While a kernel works through a page it fetches the page `ahead` into the second-level cache: the
// walk of a single token waits for memory, not for arithmetic. Sums run over dimensions and over
// keys in ascending order, one accumulator per result.
#pragma once

#include <cstdint>

#include "kernels/cpu/attention_kernels.h"

namespace hyprstream::kernels {
namespace {

struct F32Arithmetic {
  using Weight = float;

  /// Fetches from the page `ahead` what lies at the place that `at` has in `page`.
  static void Touch(const std::byte* ahead, const std::byte* page, const void* at) {
    __builtin_prefetch(ahead + (static_cast<const std::byte*>(at) - page), 0, 2);
  }

  static Lanes::F StoreWeights(float* p, Lanes::F weights) {
    Lanes::Store(p, weights);
    return weights;
  }

  template <int R>
  static void PackQueries(const float* const* rows, int head_dim, float* packed) {
    for (int i = 0; i < head_dim; ++i) {
      for (int r = 0; r < R; ++r) packed[int64_t{i} * R + r] = rows[r][i];
    }
  }
};

struct F32Pages : F32Arithmetic {
  template <int R>
  static void Scores(const float* queries, const std::byte* page, const std::byte* ahead,
                     int head_dim, float* scores) {
    using L = Lanes;
    const float* keys = reinterpret_cast<const float*>(page);
    for (int begin = 0; begin < kPageKeys; begin += 2 * L::kCount) {
      L::F sum[R][2];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = L::Set(0.0f);
      for (int i = 0; i < head_dim; ++i) {
        const float* key = keys + int64_t{i} * kPageKeys + begin;
        const L::F a = L::Load(key);
        const L::F b = L::Load(key + L::kCount);
        Touch(ahead, page, key);
        Touch(ahead, page, key + L::kCount);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
          const L::F q = L::Set(queries[int64_t{i} * R + r]);
          sum[r][0] = L::MulAdd(q, a, sum[r][0]);
          sum[r][1] = L::MulAdd(q, b, sum[r][1]);
        }
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        L::Store(scores + r * kBlockKeys + begin, sum[r][0]);
        L::Store(scores + r * kBlockKeys + begin + L::kCount, sum[r][1]);
      }
    }
  }

  /// `lanes` < Lanes::kCount only with V = 1: the last dimensions of a head.
  template <int R, int V>
  static void Accumulate(const std::byte* page, const std::byte* ahead, int head_dim, int dimension,
                         int lanes, int begin, int end, const float* weights, float* values,
                         int stride) {
    using L = Lanes;
    const float* base = reinterpret_cast<const float*>(page) + dimension;
    L::F sum[R][V];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        sum[r][v] = L::Load(values + r * stride + dimension + v * L::kCount);
      }
    }
    for (int key = begin; key < end; ++key) {
      const float* value = base + int64_t{key} * head_dim;
      L::F x[V];
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        if constexpr (R == 1) Touch(ahead, page, value + v * L::kCount);
        x[v] = V > 1 || lanes == L::kCount ? L::Load(value + v * L::kCount)
                                           : L::LoadFirst(value, lanes);
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const L::F w = L::Set(weights[r * kBlockKeys + key]);
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) sum[r][v] = L::MulAdd(w, x[v], sum[r][v]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        L::Store(values + r * stride + dimension + v * L::kCount, sum[r][v]);
      }
    }
  }
};

struct WidenedPages : F32Arithmetic {
  template <int R>
  static void Scores(const float* queries, const std::byte* page, const std::byte* ahead,
                     int head_dim, float* scores) {
    using L = Lanes;
    const uint32_t* keys = reinterpret_cast<const uint32_t*>(page);
    for (int begin = 0; begin < kPageKeys; begin += 2 * L::kCount) {
      L::F sum[R][2];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = L::Set(0.0f);
      for (int i = 0; i < head_dim; i += 2) {
        const uint32_t* key = keys + int64_t{i / 2} * kPageKeys + begin;
        const L::Pair a = L::Widen(key);
        const L::Pair b = L::Widen(key + L::kCount);
        Touch(ahead, page, key);
        Touch(ahead, page, key + L::kCount);
        const float* q = queries + int64_t{i} * R;
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
          const L::F even = L::Set(q[r]);
          sum[r][0] = L::MulAdd(even, a.even, sum[r][0]);
          sum[r][1] = L::MulAdd(even, b.even, sum[r][1]);
        }
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
          const L::F odd = L::Set(q[R + r]);
          sum[r][0] = L::MulAdd(odd, a.odd, sum[r][0]);
          sum[r][1] = L::MulAdd(odd, b.odd, sum[r][1]);
        }
      }
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        L::Store(scores + r * kBlockKeys + begin, sum[r][0]);
        L::Store(scores + r * kBlockKeys + begin + L::kCount, sum[r][1]);
      }
    }
  }

  template <int R, int V>
  static void Accumulate(const std::byte* page, const std::byte* ahead, int head_dim, int dimension,
                         int lanes, int begin, int end, const float* weights, float* values,
                         int stride) {
    using L = Lanes;
    const uint32_t* base = reinterpret_cast<const uint32_t*>(page) + dimension;
    L::F sum[R][V];
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        sum[r][v] = L::Load(values + r * stride + dimension + v * L::kCount);
      }
    }
    const auto add_pair = [&]<bool kEven, bool kOdd>(int pair) __attribute__((always_inline)) {
      const uint32_t* value = base + int64_t{pair} * head_dim;
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        if constexpr (R == 1) Touch(ahead, page, value + v * L::kCount);
        const L::Pair x = V > 1 || lanes == L::kCount ? L::Widen(value + v * L::kCount)
                                                      : L::WidenFirst(value, lanes);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) {
          const float* w = weights + r * kBlockKeys + 2 * pair;
          if constexpr (kEven) sum[r][v] = L::MulAdd(L::Set(w[0]), x.even, sum[r][v]);
          if constexpr (kOdd) sum[r][v] = L::MulAdd(L::Set(w[1]), x.odd, sum[r][v]);
        }
      }
    };
    // A masked key of a pair is left out, not multiplied by zero: it may be infinite.
    int pair = begin / 2;
    if (begin % 2 != 0) add_pair.template operator()<false, true>(pair++);
    for (; pair < end / 2; ++pair) add_pair.template operator()<true, true>(pair);
    if (end % 2 != 0 && pair == end / 2) add_pair.template operator()<true, false>(pair);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) {
        L::Store(values + r * stride + dimension + v * L::kCount, sum[r][v]);
      }
    }
  }
};

}  // namespace
}  // namespace hyprstream::kernels
