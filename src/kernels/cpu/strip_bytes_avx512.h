// The bytes of a packed strip in AVX-512 registers: what packed_format.h needs to take codes apart.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace hyprstream::kernels {
namespace {

struct StripBytes {
  using Bytes = __m512i;
  static Bytes Load(const uint8_t* p) { return _mm512_loadu_si512(p); }
  static void Store(uint8_t* p, Bytes bytes) { _mm512_storeu_si512(p, bytes); }
  static Bytes Or(Bytes a, Bytes b) { return _mm512_or_si512(a, b); }
  /// One instruction: a byte's bits are multiplied with a matrix of bits whose row i, in byte 7 −
  /// i, names the bit that becomes bit i.
  template <int shift, int mask>
  static Bytes Field(Bytes bytes) {
    if constexpr (shift == 0) {
      return _mm512_and_si512(bytes, _mm512_set1_epi8(static_cast<char>(mask)));
    } else {
      return _mm512_gf2p8affine_epi64_epi8(bytes, _mm512_set1_epi64(FieldMatrix(shift, mask)), 0);
    }
  }
  static Bytes Lookup(const uint8_t* table, Bytes index) {
    const __m128i levels = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(levels), index);
  }
  static void WidenF16(const uint8_t* halves, float* out) {
    const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves));
    _mm512_storeu_ps(out, _mm512_cvtph_ps(bits));
  }

 private:
  static constexpr long long FieldMatrix(int shift, int mask) {
    unsigned long long matrix = 0;
    for (int bit = 0; bit < 8; ++bit) {
      const int from = bit + shift;
      if ((mask >> bit & 1) == 0 || from < 0 || from > 7) continue;
      matrix |= 1ull << (8 * (7 - bit) + from);
    }
    return static_cast<long long>(matrix);
  }
};

}  // namespace
}  // namespace hyprstream::kernels
