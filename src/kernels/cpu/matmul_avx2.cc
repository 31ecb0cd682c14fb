// Kernels for AVX2 with FMA and F16C.
#include <immintrin.h>

#include "kernels/cpu/matmul_float.h"
#include "kernels/cpu/matmul_packed.h"
#include "kernels/cpu/quantize.h"

namespace hyprstream::kernels {
namespace {

struct F32Element {
  static constexpr int kBytes = 4;
  static __m256 Load(const std::byte* p) {
    return _mm256_loadu_ps(reinterpret_cast<const float*>(p));
  }
};

struct F16Element {
  static constexpr int kBytes = 2;
  static __m256 Load(const std::byte* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
};

struct Bf16Element {
  static constexpr int kBytes = 2;
  static __m256 Load(const std::byte* p) {
    const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
  }
};

template <class Element>
struct FloatVectors {
  using Acc = __m256;
  using X = __m256;
  using W = __m256;
  static constexpr int kStep = 8;
  static constexpr int kWeightBytes = Element::kBytes;
  static constexpr int kXBytes = 4;
  static constexpr int kMaxRows = 3;
  static constexpr int kOneRowOutputs = 2;

  static Acc Zero() { return _mm256_setzero_ps(); }
  static X LoadX(const std::byte* p) { return F32Element::Load(p); }
  static X LoadXTail(const std::byte* p, int64_t count) { return Padded<F32Element>(p, count); }
  static W LoadW(const std::byte* p) { return Element::Load(p); }
  static W LoadWTail(const std::byte* p, int64_t count) { return Padded<Element>(p, count); }
  static Acc MulAdd(Acc acc, W w, X x) { return _mm256_fmadd_ps(w, x, acc); }
  template <int NR>
  static void Fold(const Acc* acc, float* out) {
    for (int n = 0; n < NR; ++n) {
      const __m128 four =
          _mm_add_ps(_mm256_castps256_ps128(acc[n]), _mm256_extractf128_ps(acc[n], 1));
      const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
      out[n] = _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    }
  }

 private:
  template <class Kind>
  static __m256 Padded(const std::byte* p, int64_t count) {
    std::byte bytes[8 * Kind::kBytes] = {};
    std::memcpy(bytes, p, static_cast<size_t>(count * Kind::kBytes));
    return Kind::Load(bytes);
  }
};

// Sixteen outputs are two vectors. vpmaddubsw adds two products in 16 bits, where small codes leave
// room for several more before they are widened. It saturates, which codes above 6 bits could
// reach: these give their sign to the activations instead (|w| ≤ 128, |q| ≤ 127 stay below 2^15).
struct PackedVectors {
  struct Bytes {
    __m256i half[2];
  };
  static constexpr int kMaxRows = 4;

  static Bytes Load(const uint8_t* bytes) {
    const auto* p = reinterpret_cast<const __m256i*>(bytes);
    return {{_mm256_loadu_si256(p), _mm256_loadu_si256(p + 1)}};
  }
  static void Store(uint8_t* out, const Bytes& bytes) {
    auto* p = reinterpret_cast<__m256i*>(out);
    _mm256_storeu_si256(p, bytes.half[0]);
    _mm256_storeu_si256(p + 1, bytes.half[1]);
  }
  static Bytes Or(const Bytes& a, const Bytes& b) {
    return {{_mm256_or_si256(a.half[0], b.half[0]), _mm256_or_si256(a.half[1], b.half[1])}};
  }
  template <int shift, int mask>
  static Bytes Field(const Bytes& bytes) {
    const __m256i wide = _mm256_set1_epi8(static_cast<char>(mask));
    Bytes out;
    for (int h = 0; h < 2; ++h) {
      const __m256i half = shift >= 0 ? _mm256_srli_epi64(bytes.half[h], shift >= 0 ? shift : 0)
                                      : _mm256_slli_epi64(bytes.half[h], shift < 0 ? -shift : 0);
      out.half[h] = _mm256_and_si256(half, wide);
    }
    return out;
  }
  static Bytes Lookup(const uint8_t* table, const Bytes& index) {
    const __m256i levels =
        _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table)));
    return {
        {_mm256_shuffle_epi8(levels, index.half[0]), _mm256_shuffle_epi8(levels, index.half[1])}};
  }
  static void WidenF16(const uint8_t* halves, float* out) {
    const auto* bits = reinterpret_cast<const __m128i*>(halves);
    _mm256_storeu_ps(out, _mm256_cvtph_ps(_mm_loadu_si128(bits)));
    _mm256_storeu_ps(out + 8, _mm256_cvtph_ps(_mm_loadu_si128(bits + 1)));
  }

  /// Of two products each; `magnitude` is |w| where w is signed.
  template <bool kSigned>
  static __m256i Pairs(__m256i w, __m256i magnitude, __m256i q) {
    return kSigned ? _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(q, w))
                   : _mm256_maddubs_epi16(w, q);
  }
  static __m256i AddPairs(__m256i acc, __m256i pairs) {
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }

  struct Acc {
    __m256 half[2];
  };
  static Acc Zero() { return {{_mm256_setzero_ps(), _mm256_setzero_ps()}}; }
  static Acc LoadSums(const float* p) { return {{_mm256_load_ps(p), _mm256_load_ps(p + 8)}}; }
  static void StoreSums(float* p, const Acc& acc) {
    _mm256_store_ps(p, acc.half[0]);
    _mm256_store_ps(p + 8, acc.half[1]);
  }

  template <int MR, class Format, class Source>
  static void Tile(const TileArgs& t, const Source& source, Acc* sums) {
    constexpr int kSubs = 32 / Format::kSub;
    constexpr int kGroups = 8 / kSubs;
    constexpr bool kSigned = Format::kOffset == 128;
    constexpr int kRoom = 32767 / (2 * 127 * Format::kMostCode);
    constexpr int kNarrow = kRoom == 0 ? 1 : kRoom < kGroups ? kRoom : kGroups;
    static_assert(kSigned || kRoom > 0);
    static_assert(kGroups % kNarrow == 0);
    __m256 acc[MR][2];
    for (int m = 0; m < MR; ++m) {
      for (int h = 0; h < 2; ++h) acc[m][h] = sums[m].half[h];
    }
    for (int b = 0; b < t.blocks; ++b) {
      FetchAhead<Format, MR>(t, b);
      Unroll<kSubs>([&]<int s>() __attribute__((always_inline)) {
        const int j = kSubs * b + s;
        __m256i dot[MR][2];
        __m256i pairs[MR][2];
        for (int m = 0; m < MR; ++m) {
          const bool zero = kSigned || Format::kMinima;
          dot[m][0] = zero ? _mm256_setzero_si256() : _mm256_set1_epi32(t.terms[m].start[j]);
          dot[m][1] = dot[m][0];
        }
        Unroll<kGroups>([&]<int i>() __attribute__((always_inline)) {
          constexpr int g = s * kGroups + i;
          const Bytes codes = source.template Codes<g>(b);
          for (int h = 0; h < 2; ++h) {
            __m256i w = codes.half[h];
            if constexpr (kSigned) w = _mm256_xor_si256(w, _mm256_set1_epi8(-128));
            const __m256i magnitude = kSigned ? _mm256_abs_epi8(w) : w;
            for (int m = 0; m < MR; ++m) {
              int32_t word;
              std::memcpy(&word, t.x[m * t.x_stride].q + 32 * b + 4 * g, sizeof(word));
              const __m256i products = Pairs<kSigned>(w, magnitude, _mm256_set1_epi32(word));
              pairs[m][h] = i % kNarrow == 0 ? products : _mm256_add_epi16(pairs[m][h], products);
              if (i % kNarrow == kNarrow - 1) dot[m][h] = AddPairs(dot[m][h], pairs[m][h]);
            }
          }
        });
        for (int h = 0; h < 2; ++h) {
          const __m256 scale = _mm256_load_ps(t.weight->scales + 16 * j + 8 * h);
          for (int m = 0; m < MR; ++m) {
            const __m256 x_scale = _mm256_set1_ps(t.x[m * t.x_stride].scale[b]);
            acc[m][h] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(dot[m][h]),
                                        _mm256_mul_ps(scale, x_scale), acc[m][h]);
            if constexpr (Format::kMinima) {
              acc[m][h] = _mm256_fmadd_ps(_mm256_load_ps(t.weight->minima + 16 * j + 8 * h),
                                          _mm256_set1_ps(t.terms[m].sum[j]), acc[m][h]);
            }
          }
        }
      });
    }
    for (int m = 0; m < MR; ++m) {
      for (int h = 0; h < 2; ++h) sums[m].half[h] = acc[m][h];
    }
  }
};

}  // namespace

const MatmulKernels internal::kMatmulAvx2 = {
    .f32 = RunFloatMatmul<FloatVectors<F32Element>>,
    .f16 = RunFloatMatmul<FloatVectors<F16Element>>,
    .bf16 = RunFloatMatmul<FloatVectors<Bf16Element>>,
    .bf16_dot = nullptr,
    .float_panels = nullptr,
    .packed = HYPR_PACKED_MATMULS(PackedVectors),
    .round_bf16 = RoundToBf16,
    .quantize = QuantizeActivations,
    .low_rank = AddLowRank,
};

}  // namespace hyprstream::kernels
