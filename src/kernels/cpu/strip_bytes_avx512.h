// The bytes of a packed strip in AVX-512 registers: what packed_format.h needs to take codes apart.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace hyprstream::kernels {
namespace {

struct StripBytes {
  using Bytes = __m512i;
  static Bytes Load(const uint8_t* p) { return _mm512_loadu_si512(p); }
  static Bytes And(Bytes bytes, int mask) {
    return _mm512_and_si512(bytes, _mm512_set1_epi8(static_cast<char>(mask)));
  }
  static Bytes Or(Bytes a, Bytes b) { return _mm512_or_si512(a, b); }
  template <int n>
  static Bytes Shift(Bytes bytes) {
    if constexpr (n == 0) return bytes;
    return n > 0 ? _mm512_srli_epi64(bytes, n > 0 ? n : 0)
                 : _mm512_slli_epi64(bytes, n < 0 ? -n : 0);
  }
  static Bytes Lookup(const uint8_t* table, Bytes index) {
    const __m128i levels = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(levels), index);
  }
  static void WidenF16(const uint8_t* halves, float* out) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves));
    _mm512_storeu_ps(out, _mm512_cvtph_ps(bits));
  }
};

}  // namespace
}  // namespace hyprstream::kernels
