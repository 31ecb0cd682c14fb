#include <immintrin.h>

#include "kernels/cpu/limits_body.h"

namespace hyprstream::kernels {
namespace {

struct Read {
  using Vector = __m512i;
  static constexpr int kBytes = 64;
  static Vector Zero() { return _mm512_setzero_si512(); }
  static Vector LoadAdd(Vector acc, const char* p) {
    return _mm512_add_epi32(acc, _mm512_load_si512(p));
  }
  static float Sum(Vector v) { return static_cast<float>(_mm512_reduce_or_epi32(v)); }
};

struct Fma {
  using Vector = __m512;
  static constexpr int kOperations = 32;
  static Vector Start(int i) { return _mm512_set1_ps(1e-3f * static_cast<float>(i)); }
  static Vector Apply(Vector acc, Vector a, Vector b) { return _mm512_fmadd_ps(a, b, acc); }
  static float Sum(Vector v) { return _mm512_reduce_add_ps(v); }
};

struct Bf16 : Fma {
  static constexpr int kOperations = 64;
  static Vector Apply(Vector acc, Vector a, Vector b) {
    return _mm512_dpbf16_ps(acc, (__m512bh)a, (__m512bh)b);
  }
};

struct Int8 {
  using Vector = __m512i;
  static constexpr int kOperations = 128;
  static Vector Start(int i) { return _mm512_set1_epi8(static_cast<char>(i)); }
  static Vector Apply(Vector acc, Vector a, Vector b) { return _mm512_dpbusd_epi32(acc, a, b); }
  static float Sum(Vector v) { return Read::Sum(v); }
};

}  // namespace

const LimitKernels internal::kLimitsAvx512 = {
    .read = ReadLoop<Read>,
    .f32 = MakeLoop<Fma, 16>(),
    .bf16 = MakeLoop<Bf16, 16>(),
    .int8 = MakeLoop<Int8, 16>(),
};

}  // namespace hyprstream::kernels
