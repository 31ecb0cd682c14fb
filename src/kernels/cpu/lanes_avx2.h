// Eight f32 lanes of AVX2 with FMA; the same interface as lanes_portable.h, which comments it.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace hyprstream::kernels {
namespace {

struct Lanes {
  static constexpr int kCount = 8;
  static constexpr int kScoreRows = 4;
  static constexpr int kRowVectors = 2;
  static constexpr int kWideVectors = 8;
  using F = __m256;
  struct Pair {
    F even;
    F odd;
  };

  static F Set(float value) { return _mm256_set1_ps(value); }
  static F Load(const float* p) { return _mm256_loadu_ps(p); }
  static void Store(float* p, F v) { _mm256_storeu_ps(p, v); }
  static F LoadFirst(const float* p, int n) { return _mm256_maskload_ps(p, Mask(0, n)); }
  static void StoreFirst(float* p, F v, int n) { _mm256_maskstore_ps(p, Mask(0, n), v); }
  static Pair Widen(const uint32_t* p) {
    return WidenBits(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Pair WidenFirst(const uint32_t* p, int n) {
    return WidenBits(_mm256_maskload_epi32(reinterpret_cast<const int*>(p), Mask(0, n)));
  }
  static void StoreBf16First(uint16_t* p, F v, int n) {
    const __m256i bits = _mm256_castps_si256(v);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
    const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
    rounded = _mm256_castps_si256(_mm256_blendv_ps(_mm256_castsi256_ps(rounded),
                                                   _mm256_castsi256_ps(quiet),
                                                   _mm256_cmp_ps(v, v, _CMP_UNORD_Q)));
    rounded = _mm256_srli_epi32(rounded, 16);
    const __m128i packed =
        _mm_packus_epi32(_mm256_castsi256_si128(rounded), _mm256_extracti128_si256(rounded, 1));
    if (n == kCount) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p), packed);
      return;
    }
    uint16_t lanes[kCount];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(lanes), packed);
    for (int i = 0; i < n; ++i) p[i] = lanes[i];
  }

  static F Add(F a, F b) { return _mm256_add_ps(a, b); }
  static F Sub(F a, F b) { return _mm256_sub_ps(a, b); }
  static F Mul(F a, F b) { return _mm256_mul_ps(a, b); }
  static F Div(F a, F b) { return _mm256_div_ps(a, b); }
  static F MulAdd(F a, F b, F c) { return _mm256_fmadd_ps(a, b, c); }
  static F Max(F a, F b) { return _mm256_max_ps(a, b); }
  static F Min(F a, F b) { return _mm256_min_ps(a, b); }
  static F Round(F v) { return _mm256_round_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static F Scale(F v, F n) {
    const __m256i whole = _mm256_cvtps_epi32(n);
    const __m256i half = _mm256_srai_epi32(whole, 1);
    return Mul(Mul(v, PowerOfTwo(half)), PowerOfTwo(_mm256_sub_epi32(whole, half)));
  }
  static F Inside(F v, int begin, int end, F other) {
    return _mm256_blendv_ps(other, v, _mm256_castsi256_ps(Mask(begin, end)));
  }
  static float Sum(F v) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
  }
  static float Largest(F v) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_shuffle_ps(s, s, 1)));
  }

 private:
  static __m256i Mask(int begin, int end) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_and_si256(_mm256_cmpgt_epi32(lane, _mm256_set1_epi32(begin - 1)),
                            _mm256_cmpgt_epi32(_mm256_set1_epi32(end), lane));
  }
  static Pair WidenBits(__m256i v) {
    return {
        _mm256_castsi256_ps(_mm256_slli_epi32(v, 16)),
        _mm256_castsi256_ps(_mm256_and_si256(v, _mm256_set1_epi32(static_cast<int>(0xffff0000u))))};
  }
  static F PowerOfTwo(__m256i n) {
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(n, _mm256_set1_epi32(127)), 23));
  }
};

}  // namespace
}  // namespace hyprstream::kernels
