#include <immintrin.h>

#include "kernels/cpu/limits_body.h"

namespace hyprstream::kernels {
namespace {

struct Read {
  using Vector = __m256i;
  static constexpr int kBytes = 32;
  static Vector Zero() { return _mm256_setzero_si256(); }
  static Vector LoadAdd(Vector acc, const char* p) {
    return _mm256_add_epi32(acc, _mm256_load_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static float Sum(Vector v) {
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
    return static_cast<float>(_mm_cvtsi128_si32(four));
  }
};

struct Fma {
  using Vector = __m256;
  static constexpr int kOperations = 16;
  static Vector Start(int i) { return _mm256_set1_ps(1e-3f * static_cast<float>(i)); }
  static Vector Apply(Vector acc, Vector a, Vector b) { return _mm256_fmadd_ps(a, b, acc); }
  static float Sum(Vector v) { return _mm256_cvtss_f32(v); }
};

// Three instructions: multiply in pairs, widen, add.
struct Int8 {
  using Vector = __m256i;
  static constexpr int kOperations = 64;
  static Vector Start(int i) { return _mm256_set1_epi8(static_cast<char>(i)); }
  static Vector Apply(Vector acc, Vector a, Vector b) {
    const Vector pairs = _mm256_maddubs_epi16(a, b);
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
  static float Sum(Vector v) { return Read::Sum(v); }
};

}  // namespace

const LimitKernels internal::kLimitsAvx2 = {
    .read = ReadLoop<Read>,
    .f32 = MakeLoop<Fma, 10>(),
    .bf16 = {},
    .int8 = MakeLoop<Int8, 10>(),
};

}  // namespace hyprstream::kernels
