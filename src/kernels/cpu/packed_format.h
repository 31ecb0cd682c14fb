// How the records of each quantised type (pack.h) are read: 64 codes at a time as unsigned bytes,
// and for sixteen rows an f32 scale and, where the type has minima, an f32 minimum per sub-block.
//   w = scale · (code − kOffset) + minimum
// Included by the instruction-set files only; `V` is their unnamed-namespace type with
//   Bytes                           64 bytes in registers
//   Load(pointer), Store(pointer, Bytes), Or(Bytes, Bytes)
//   Field<shift, mask>(Bytes)       of each byte: right, or left for negative shift; then masked
//   Lookup(const uint8_t[16], Bytes)
//   WidenF16(const uint8_t* halves, float out[16])
#pragma once

#include <cstdint>
#include <cstring>

namespace hyprstream::kernels {

/// Of sixteen rows × 256 elements: [sub-block][row].
struct alignas(64) RecordScales {
  float scales[256];
  float minima[256];
};

/// Where a record keeps its codes: planes (see pack.h) of the low bits and of the bits above.
struct Planes {
  const uint8_t* low;
  const uint8_t* high;
};

template <class V, int g>
inline typename V::Bytes NibbleCodes(const uint8_t* low, int b) {
  return V::template Field<g / 4 * 4, 15>(V::Load(low + 256 * b + 64 * (g % 4)));
}

/// Group g of a 2-bit plane, moved to bit `to`.
template <class V, int g, int to>
inline typename V::Bytes PairCodes(const uint8_t* plane, int b) {
  return V::template Field<2 * (g % 4) - to, 3 << to>(V::Load(plane + 128 * b + 64 * (g / 4)));
}

/// Group g of a 1-bit plane, moved to bit `to`.
template <class V, int g, int to>
inline typename V::Bytes BitCodes(const uint8_t* plane, int b) {
  return V::template Field<g - to, 1 << to>(V::Load(plane + 64 * b));
}

// out[i] = low halves, out[count + i] = high halves of count bytes (a multiple of 8).
static inline void WidenNibbles(const uint8_t* __restrict in, int count, uint8_t* __restrict out) {
  for (int i = 0; i < count; ++i) {
    out[i] = in[i] & 15;
    out[count + i] = in[i] >> 4;
  }
}

/// 256 six-bit values: 128 bytes of low halves, then the bits above, a quarter of the values each.
template <class V>
inline void WidenSix256(const uint8_t* in, uint8_t* out) {
  const auto first = V::Load(in);
  const auto second = V::Load(in + 64);
  const auto above = V::Load(in + 128);
  V::Store(out, V::Or(V::template Field<0, 15>(first), V::template Field<-4, 48>(above)));
  V::Store(out + 64, V::Or(V::template Field<0, 15>(second), V::template Field<-2, 48>(above)));
  V::Store(out + 128, V::Or(V::template Field<4, 15>(first), V::template Field<0, 48>(above)));
  V::Store(out + 192, V::Or(V::template Field<4, 15>(second), V::template Field<2, 48>(above)));
}

// The same for any 2·`count` values.
static inline void WidenSix(const uint8_t* __restrict in, int count, uint8_t* __restrict out) {
  WidenNibbles(in, count, out);
  for (int field = 0; field < 4; ++field) {
    uint8_t* quarter = out + field * count / 2;
    for (int i = 0; i < count / 2; ++i) {
      quarter[i] = static_cast<uint8_t>(quarter[i] | (((in[count + i] >> (2 * field)) & 3) << 4));
    }
  }
}

// out[j][row] = d[row] · (factor[j][row] − bias)
template <class Factor>
static inline void ScaleBy(const float* __restrict d, const Factor* __restrict factors, int count,
                           int bias, float* __restrict out) {
  for (int j = 0; j < count; ++j) {
    for (int r = 0; r < 16; ++r) {
      out[16 * j + r] = d[r] * static_cast<float>(static_cast<int>(factors[16 * j + r]) - bias);
    }
  }
}

template <class V>
inline void WidenNegated(const uint8_t* halves, float* out) {
  V::WidenF16(halves, out);
  for (int r = 0; r < 16; ++r) out[r] = -out[r];
}

/// IQ4's sixteen levels as unsigned bytes, 128 added.
inline constexpr uint8_t kLevelCodes[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                            129, 141, 153, 166, 181, 197, 217, 241};

/// Blocks of 32 with an f16 scale and perhaps an f16 minimum: Q4_0 to Q8_0 and IQ4_NL.
enum class Levels { kLinear, kIq4 };
template <class V, int kBits, bool kHasMinima, int kCodeOffset, Levels kLevels = Levels::kLinear>
struct SimpleFormat {
  static constexpr int kSub = 32;
  static constexpr bool kMinima = kHasMinima;
  static constexpr int kOffset = kCodeOffset;
  static constexpr int kMostCode = kLevels == Levels::kIq4 ? 255 : (1 << kBits) - 1;
  static constexpr bool kWholeBytes = kBits == 8;
  /// One row's share of a record of 256 elements.
  static constexpr int kRecordBytes = 8 * (kBits * 4 + (kHasMinima ? 4 : 2));

  static Planes Locate(const uint8_t* p, int blocks) { return {p, p + 256 * blocks}; }
  template <int g>
  static typename V::Bytes Codes(const Planes& planes, int b) {
    if constexpr (kBits == 8) {
      return V::Load(planes.low + 512 * b + 64 * g);
    } else if constexpr (kBits == 5) {
      return V::Or(NibbleCodes<V, g>(planes.low, b), BitCodes<V, g, 4>(planes.high, b));
    } else if constexpr (kLevels == Levels::kIq4) {
      return V::Lookup(kLevelCodes, NibbleCodes<V, g>(planes.low, b));
    } else {
      return NibbleCodes<V, g>(planes.low, b);
    }
  }
  static void Scales(const uint8_t* p, int blocks, RecordScales& out) {
    p += 64 * kBits * blocks;
    for (int b = 0; b < blocks; ++b) V::WidenF16(p + 32 * b, out.scales + 16 * b);
    if constexpr (kHasMinima) {
      for (int b = 0; b < blocks; ++b) V::WidenF16(p + 32 * (blocks + b), out.minima + 16 * b);
    }
  }
};

template <class V>
struct Iq4XsFormat {
  static constexpr int kSub = 32;
  static constexpr bool kMinima = false;
  static constexpr int kOffset = 128;
  static constexpr int kMostCode = 255;
  static constexpr bool kWholeBytes = false;
  static constexpr int kRecordBytes = 136;

  static Planes Locate(const uint8_t* p, int) { return {p, nullptr}; }
  template <int g>
  static typename V::Bytes Codes(const Planes& planes, int b) {
    return V::Lookup(kLevelCodes, NibbleCodes<V, g>(planes.low, b));
  }
  static void Scales(const uint8_t* p, int, RecordScales& out) {
    alignas(64) uint8_t six[128];
    alignas(64) float d[16];
    WidenSix(p + 2048, 64, six);
    V::WidenF16(p + 2144, d);
    ScaleBy(d, six, 8, 32, out.scales);
  }
};

/// Q4_K and Q5_K.
template <class V, int kBits>
struct K45Format {
  static constexpr int kSub = 32;
  static constexpr bool kMinima = true;
  static constexpr int kOffset = 0;
  static constexpr int kMostCode = (1 << kBits) - 1;
  static constexpr bool kWholeBytes = false;
  static constexpr int kRecordBytes = kBits == 4 ? 144 : 176;

  static Planes Locate(const uint8_t* p, int) { return {p, p + 2048}; }
  template <int g>
  static typename V::Bytes Codes(const Planes& planes, int b) {
    if constexpr (kBits == 4) {
      return NibbleCodes<V, g>(planes.low, b);
    } else {
      return V::Or(NibbleCodes<V, g>(planes.low, b), BitCodes<V, g, 4>(planes.high, b));
    }
  }
  static void Scales(const uint8_t* p, int, RecordScales& out) {
    p += kBits * 512;
    alignas(64) uint8_t six[256];  // scales, then minima
    alignas(64) float d[16];
    WidenSix256<V>(p, six);
    V::WidenF16(p + 192, d);
    ScaleBy(d, six, 8, 0, out.scales);
    WidenNegated<V>(p + 224, d);
    ScaleBy(d, six + 128, 8, 0, out.minima);
  }
};

template <class V>
struct Q2KFormat {
  static constexpr int kSub = 16;
  static constexpr bool kMinima = true;
  static constexpr int kOffset = 0;
  static constexpr int kMostCode = 3;
  static constexpr bool kWholeBytes = false;
  static constexpr int kRecordBytes = 84;

  static Planes Locate(const uint8_t* p, int) { return {p, nullptr}; }
  template <int g>
  static typename V::Bytes Codes(const Planes& planes, int b) {
    return PairCodes<V, g, 0>(planes.low, b);
  }
  static void Scales(const uint8_t* p, int, RecordScales& out) {
    p += 1024;
    alignas(64) uint8_t four[512];  // scales, then minima
    alignas(64) float d[16];
    WidenNibbles(p, 256, four);
    V::WidenF16(p + 256, d);
    ScaleBy(d, four, 16, 0, out.scales);
    WidenNegated<V>(p + 288, d);
    ScaleBy(d, four + 256, 16, 0, out.minima);
  }
};

template <class V>
struct Q3KFormat {
  static constexpr int kSub = 16;
  static constexpr bool kMinima = false;
  static constexpr int kOffset = 4;
  static constexpr int kMostCode = 7;
  static constexpr bool kWholeBytes = false;
  static constexpr int kRecordBytes = 110;

  static Planes Locate(const uint8_t* p, int) { return {p, p + 1024}; }
  template <int g>
  static typename V::Bytes Codes(const Planes& planes, int b) {
    return V::Or(PairCodes<V, g, 0>(planes.low, b), BitCodes<V, g, 2>(planes.high, b));
  }
  static void Scales(const uint8_t* p, int, RecordScales& out) {
    alignas(64) uint8_t six[256];
    alignas(64) float d[16];
    WidenSix256<V>(p + 1536, six);
    V::WidenF16(p + 1728, d);
    ScaleBy(d, six, 16, 32, out.scales);
  }
};

template <class V>
struct Q6KFormat {
  static constexpr int kSub = 16;
  static constexpr bool kMinima = false;
  static constexpr int kOffset = 32;
  static constexpr int kMostCode = 63;
  static constexpr bool kWholeBytes = false;
  static constexpr int kRecordBytes = 210;

  static Planes Locate(const uint8_t* p, int) { return {p, p + 2048}; }
  template <int g>
  static typename V::Bytes Codes(const Planes& planes, int b) {
    return V::Or(NibbleCodes<V, g>(planes.low, b), PairCodes<V, g, 4>(planes.high, b));
  }
  static void Scales(const uint8_t* p, int, RecordScales& out) {
    alignas(64) int8_t factors[256];
    alignas(64) float d[16];
    std::memcpy(factors, p + 3072, 256);
    V::WidenF16(p + 3328, d);
    ScaleBy(d, factors, 16, 0, out.scales);
  }
};

}  // namespace hyprstream::kernels
