// Sixteen f32 lanes of AVX-512; the same interface as lanes_portable.h, which comments it.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace hyprstream::kernels {
namespace {

struct Lanes {
  static constexpr int kCount = 16;
  static constexpr int kScoreRows = 8;
  static constexpr int kRowVectors = 4;
  static constexpr int kWideVectors = 8;
  using F = __m512;
  struct Pair {
    F even;
    F odd;
  };

  static F Set(float value) { return _mm512_set1_ps(value); }
  static F Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, F v) { _mm512_storeu_ps(p, v); }
  static F LoadFirst(const float* p, int n) { return _mm512_maskz_loadu_ps(Mask(0, n), p); }
  static void StoreFirst(float* p, F v, int n) { _mm512_mask_storeu_ps(p, Mask(0, n), v); }
  static Pair Widen(const uint32_t* p) { return WidenBits(_mm512_loadu_si512(p)); }
  static Pair WidenFirst(const uint32_t* p, int n) {
    return WidenBits(_mm512_maskz_loadu_epi32(Mask(0, n), p));
  }
  /// Subnormals become zero, as in the bf16 dot products.
  static void StoreBf16First(uint16_t* p, F v, int n) {
    _mm256_mask_storeu_epi16(p, Mask(0, n), (__m256i)_mm512_cvtneps_pbh(v));
  }

  static F Add(F a, F b) { return _mm512_add_ps(a, b); }
  static F Sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F Mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F Div(F a, F b) { return _mm512_div_ps(a, b); }
  static F MulAdd(F a, F b, F c) { return _mm512_fmadd_ps(a, b, c); }
  static F Max(F a, F b) { return _mm512_max_ps(a, b); }
  static F Min(F a, F b) { return _mm512_min_ps(a, b); }
  static F Round(F v) {
    return _mm512_roundscale_ps(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
  static F Scale(F v, F n) { return _mm512_scalef_ps(v, n); }
  static F Inside(F v, int begin, int end, F other) {
    return _mm512_mask_blend_ps(Mask(begin, end), other, v);
  }
  static float Sum(F v) {
    return Fold(v, [](__m128 a, __m128 b) { return _mm_add_ps(a, b); });
  }
  static float Largest(F v) {
    return Fold(v, [](__m128 a, __m128 b) { return _mm_max_ps(a, b); });
  }
  static __mmask16 Mask(int begin, int end) {
    const uint32_t below_end = end >= kCount ? 0xffffu : (1u << (end < 0 ? 0 : end)) - 1u;
    const uint32_t below_begin = begin >= kCount ? 0xffffu : (1u << (begin < 0 ? 0 : begin)) - 1u;
    return static_cast<__mmask16>(below_end & ~below_begin);
  }

 private:
  static Pair WidenBits(__m512i v) {
    return {
        _mm512_castsi512_ps(_mm512_slli_epi32(v, 16)),
        _mm512_castsi512_ps(_mm512_and_si512(v, _mm512_set1_epi32(static_cast<int>(0xffff0000u))))};
  }
  template <typename Combine>
  static float Fold(F v, Combine combine) {
    __m128 s = combine(combine(_mm512_extractf32x4_ps(v, 0), _mm512_extractf32x4_ps(v, 2)),
                       combine(_mm512_extractf32x4_ps(v, 1), _mm512_extractf32x4_ps(v, 3)));
    s = combine(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(combine(s, _mm_shuffle_ps(s, s, 1)));
  }
};

}  // namespace
}  // namespace hyprstream::kernels
