// Kernels for AVX-512 with VNNI and BF16.
#include <immintrin.h>

#include "kernels/cpu/matmul_float.h"
#include "kernels/cpu/matmul_packed.h"
#include "kernels/cpu/quantize.h"
#include "kernels/cpu/strip_bytes_avx512.h"

namespace hyprstream::kernels {
namespace {

// Lanes of four accumulators at once, in the tree ((l, l+8), l+4), l+2, l+1.
inline __m128 FoldFour(__m512 a, __m512 b, __m512 c, __m512 d) {
  const __m512 ab =
      _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
  const __m512 cd =
      _mm512_add_ps(_mm512_shuffle_f32x4(c, d, 0x44), _mm512_shuffle_f32x4(c, d, 0xEE));
  __m512 sum =
      _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xDD));
  sum = _mm512_add_ps(sum, _mm512_permute_ps(sum, 0x4E));
  sum = _mm512_add_ps(sum, _mm512_permute_ps(sum, 0xB1));
  const __m512i firsts = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  return _mm512_castps512_ps128(_mm512_permutexvar_ps(firsts, sum));
}

template <int NR>
inline void FoldLanes(const __m512* acc, float* out) {
  if constexpr (NR == 4) {
    _mm_storeu_ps(out, FoldFour(acc[0], acc[1], acc[2], acc[3]));
  } else {
    for (int n = 0; n < NR; ++n) {
      out[n] = _mm_cvtss_f32(FoldFour(acc[n], acc[n], acc[n], acc[n]));
    }
  }
}

inline __mmask16 FirstLanes(int64_t count) { return static_cast<__mmask16>((1u << count) - 1u); }

struct F32Element {
  static constexpr int kBytes = 4;
  static __m512 Load(const std::byte* p) { return _mm512_loadu_ps(p); }
  static __m512 LoadTail(const std::byte* p, __mmask16 mask) {
    return _mm512_maskz_loadu_ps(mask, p);
  }
};

struct F16Element {
  static constexpr int kBytes = 2;
  static __m512 Load(const std::byte* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static __m512 LoadTail(const std::byte* p, __mmask16 mask) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, p));
  }
};

struct Bf16Element {
  static constexpr int kBytes = 2;
  static __m512 Widen(__m256i bits) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
  }
  static __m512 Load(const std::byte* p) {
    return Widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static __m512 LoadTail(const std::byte* p, __mmask16 mask) {
    return Widen(_mm256_maskz_loadu_epi16(mask, p));
  }
};

template <class Element>
struct FloatVectors {
  using Acc = __m512;
  using X = __m512;
  using W = __m512;
  static constexpr int kStep = 16;
  static constexpr int kWeightBytes = Element::kBytes;
  static constexpr int kXBytes = 4;
  static constexpr int kMaxRows = 6;
  static constexpr int kOneRowOutputs = 1;

  static Acc Zero() { return _mm512_setzero_ps(); }
  static X LoadX(const std::byte* p) { return _mm512_loadu_ps(p); }
  static X LoadXTail(const std::byte* p, int64_t count) {
    return _mm512_maskz_loadu_ps(FirstLanes(count), p);
  }
  static W LoadW(const std::byte* p) { return Element::Load(p); }
  static W LoadWTail(const std::byte* p, int64_t count) {
    return Element::LoadTail(p, FirstLanes(count));
  }
  static Acc MulAdd(Acc acc, W w, X x) { return _mm512_fmadd_ps(w, x, acc); }
  template <int NR>
  static void Fold(const Acc* acc, float* out) {
    FoldLanes<NR>(acc, out);
  }
};

// Pairs of bf16 products added to f32 lanes: 64 operations an instruction, twice those of FMA.
struct Bf16Dot {
  using Acc = __m512;
  using X = __m512i;
  using W = __m512i;
  static constexpr int kStep = 32;
  static constexpr int kWeightBytes = 2;
  static constexpr int kXBytes = 2;
  static constexpr int kMaxRows = 6;
  static constexpr int kOneRowOutputs = 1;

  static Acc Zero() { return _mm512_setzero_ps(); }
  static X LoadX(const std::byte* p) { return _mm512_loadu_si512(p); }
  static X LoadXTail(const std::byte* p, int64_t count) {
    return _mm512_maskz_loadu_epi16(static_cast<__mmask32>((uint64_t{1} << count) - 1), p);
  }
  static W LoadW(const std::byte* p) { return LoadX(p); }
  static W LoadWTail(const std::byte* p, int64_t count) { return LoadXTail(p, count); }
  static Acc MulAdd(Acc acc, W w, X x) { return _mm512_dpbf16_ps(acc, (__m512bh)w, (__m512bh)x); }
  template <int NR>
  static void Fold(const Acc* acc, float* out) {
    FoldLanes<NR>(acc, out);
  }
};

// Sixteen outputs are the lanes of one vector: VNNI adds four products to each.
struct PackedVectors : StripBytes {
  static constexpr int kMaxRows = 8;

  static __m512i Broadcast(const int8_t* four) {
    int32_t word;
    std::memcpy(&word, four, sizeof(word));
    return _mm512_set1_epi32(word);
  }

  using Acc = __m512;
  static Acc Zero() { return _mm512_setzero_ps(); }
  static Acc LoadSums(const float* p) { return _mm512_load_ps(p); }
  static void StoreSums(float* p, Acc acc) { _mm512_store_ps(p, acc); }

  template <int MR, class Format, class Source>
  static void Tile(const TileArgs& t, const Source& source, Acc* sums) {
    constexpr int kSubs = 32 / Format::kSub;  // in a block
    constexpr int kGroups = 8 / kSubs;
    __m512 acc[MR];
    for (int m = 0; m < MR; ++m) acc[m] = sums[m];
    for (int b = 0; b < t.blocks; ++b) {
      FetchAhead<Format, MR>(t, b);
      Unroll<kSubs>([&]<int s>() __attribute__((always_inline)) {
        const int j = kSubs * b + s;
        __m512i dot[MR];
        for (int m = 0; m < MR; ++m) {
          dot[m] =
              Format::kMinima ? _mm512_setzero_si512() : _mm512_set1_epi32(t.terms[m].start[j]);
        }
        Unroll<kGroups>([&]<int i>() __attribute__((always_inline)) {
          constexpr int g = s * kGroups + i;
          const __m512i w = source.template Codes<g>(b);
          for (int m = 0; m < MR; ++m) {
            const int8_t* q = t.x[m * t.x_stride].q + 32 * b + 4 * g;
            dot[m] = _mm512_dpbusd_epi32(dot[m], w, Broadcast(q));
          }
        });
        const __m512 scale = _mm512_load_ps(t.weight->scales + 16 * j);
        for (int m = 0; m < MR; ++m) {
          const __m512 x_scale = _mm512_set1_ps(t.x[m * t.x_stride].scale[b]);
          acc[m] =
              _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot[m]), _mm512_mul_ps(scale, x_scale), acc[m]);
        }
        if constexpr (Format::kMinima) {
          const __m512 minimum = _mm512_load_ps(t.weight->minima + 16 * j);
          for (int m = 0; m < MR; ++m) {
            acc[m] = _mm512_fmadd_ps(minimum, _mm512_set1_ps(t.terms[m].sum[j]), acc[m]);
          }
        }
      });
    }
    for (int m = 0; m < MR; ++m) sums[m] = acc[m];
  }
};

}  // namespace

const MatmulKernels internal::kMatmulAvx512 = {
    .f32 = RunFloatMatmul<FloatVectors<F32Element>>,
    .f16 = RunFloatMatmul<FloatVectors<F16Element>>,
    .bf16 = RunFloatMatmul<FloatVectors<Bf16Element>>,
    .bf16_dot = RunFloatMatmul<Bf16Dot>,
    .float_panels = &internal::kFloatPanelsAvx512,
    .packed = HYPR_PACKED_MATMULS(PackedVectors),
    .round_bf16 = RoundToBf16,
    .quantize = QuantizeActivations,
    .low_rank = AddLowRank,
};

}  // namespace hyprstream::kernels
