// How the records of each quantised type (pack.h) become the one form the multiplication works on:
// a byte per code, an f32 scale and, where the type has minima, an f32 minimum per sub-block, for
// sixteen rows. kRecordBytes is one row's share of a record of 256 elements. w = scale · (code −
// kOffset) + minimum. Included by the instruction-set files only; `V` is their unnamed-namespace
// type with
//   WidenF16(const uint8_t* halves, float out[16])
//   Lookup(const uint8_t table[16], uint8_t* codes, int count)   in place
#pragma once

#include "kernels/cpu/plane.h"

namespace hyprstream::kernels {

/// Sixteen rows × 256 elements, widened.
struct alignas(64) WideRecord {
  uint8_t codes[4096];  // [group of 4][row][4]
  float scales[256];    // [sub-block][row]
  float minima[256];
};

// scales[j][row] = d[row] · factor[j][row]
template <class Factor>
static inline void ScaleBy(const float* d, const Factor* factors, int count, int bias, float* out) {
  for (int j = 0; j < count; ++j) {
    for (int r = 0; r < 16; ++r) {
      out[16 * j + r] = d[r] * static_cast<float>(static_cast<int>(factors[16 * j + r]) - bias);
    }
  }
}

/// What all formats of 32-element blocks with f16 scales share: the scales, then perhaps minima.
template <class V, bool kMinima>
static inline void WidenHalves(const uint8_t* p, int blocks, WideRecord& out) {
  for (int b = 0; b < blocks; ++b) V::WidenF16(p + 32 * b, out.scales + 16 * b);
  if constexpr (kMinima) {
    for (int b = 0; b < blocks; ++b) V::WidenF16(p + 32 * (blocks + b), out.minima + 16 * b);
  }
}

static inline void WidenNibbleBlocks(const uint8_t* p, int blocks, WideRecord& out) {
  for (int b = 0; b < blocks; ++b) WidenNibbles(p + 256 * b, 256, out.codes + 512 * b);
}

template <class V, int kBits, bool kHasMinima, int kCodeOffset>
struct SimpleFormat {
  static constexpr int kSub = 32;
  static constexpr bool kMinima = kHasMinima;
  static constexpr int kOffset = kCodeOffset;
  static constexpr int kRecordBytes = 8 * (kBits * 4 + (kHasMinima ? 4 : 2));

  static const uint8_t* Widen(const uint8_t* p, int blocks, WideRecord& out) {
    if constexpr (kBits == 8) {  // codes are bytes already
      WidenHalves<V, kHasMinima>(p + 512 * blocks, blocks, out);
      return p;
    }
    WidenNibbleBlocks(p, blocks, out);
    p += 256 * blocks;
    if constexpr (kBits == 5) {
      for (int b = 0; b < blocks; ++b) OrBits<4>(p + 64 * b, 64, out.codes + 512 * b);
      p += 64 * blocks;
    }
    WidenHalves<V, kHasMinima>(p, blocks, out);
    return out.codes;
  }
};

/// IQ4's sixteen levels as unsigned bytes, 128 added.
inline constexpr uint8_t kLevelCodes[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                            129, 141, 153, 166, 181, 197, 217, 241};

template <class V>
struct Iq4NlFormat {
  static constexpr int kSub = 32;
  static constexpr bool kMinima = false;
  static constexpr int kOffset = 128;
  static constexpr int kRecordBytes = 144;

  static const uint8_t* Widen(const uint8_t* p, int blocks, WideRecord& out) {
    WidenNibbleBlocks(p, blocks, out);
    V::Lookup(kLevelCodes, out.codes, 512 * blocks);
    WidenHalves<V, false>(p + 256 * blocks, blocks, out);
    return out.codes;
  }
};

template <class V>
struct Iq4XsFormat {
  static constexpr int kSub = 32;
  static constexpr bool kMinima = false;
  static constexpr int kOffset = 128;
  static constexpr int kRecordBytes = 136;

  static const uint8_t* Widen(const uint8_t* p, int, WideRecord& out) {
    WidenNibbleBlocks(p, 8, out);
    V::Lookup(kLevelCodes, out.codes, 4096);
    p += 2048;
    alignas(64) uint8_t six[128];
    float d[16];
    WidenNibbles(p, 64, six);
    OrPairs<4>(p + 64, 32, six);
    V::WidenF16(p + 96, d);
    ScaleBy(d, six, 8, 32, out.scales);
    return out.codes;
  }
};

/// Q4_K and Q5_K.
template <class V, int kBits>
struct K45Format {
  static constexpr int kSub = 32;
  static constexpr bool kMinima = true;
  static constexpr int kOffset = 0;
  static constexpr int kRecordBytes = kBits == 4 ? 144 : 176;

  static const uint8_t* Widen(const uint8_t* p, int, WideRecord& out) {
    WidenNibbleBlocks(p, 8, out);
    p += 2048;
    if constexpr (kBits == 5) {
      for (int b = 0; b < 8; ++b) OrBits<4>(p + 64 * b, 64, out.codes + 512 * b);
      p += 512;
    }
    alignas(64) uint8_t six[256];  // scales, then minima
    float d[16];
    float dmin[16];
    WidenNibbles(p, 128, six);
    OrPairs<4>(p + 128, 64, six);
    V::WidenF16(p + 192, d);
    V::WidenF16(p + 224, dmin);
    for (float& value : dmin) value = -value;
    ScaleBy(d, six, 8, 0, out.scales);
    ScaleBy(dmin, six + 128, 8, 0, out.minima);
    return out.codes;
  }
};

template <class V>
struct Q2KFormat {
  static constexpr int kSub = 16;
  static constexpr bool kMinima = true;
  static constexpr int kOffset = 0;
  static constexpr int kRecordBytes = 84;

  static const uint8_t* Widen(const uint8_t* p, int, WideRecord& out) {
    for (int b = 0; b < 8; ++b) {
      WidenPairs(p + 128 * b, 64, out.codes + 512 * b);
      WidenPairs(p + 128 * b + 64, 64, out.codes + 512 * b + 256);
    }
    p += 1024;
    alignas(64) uint8_t four[512];  // low halves scale, high halves minimum
    float d[16];
    float dmin[16];
    WidenNibbles(p, 256, four);
    V::WidenF16(p + 256, d);
    V::WidenF16(p + 288, dmin);
    for (float& value : dmin) value = -value;
    ScaleBy(d, four, 16, 0, out.scales);
    ScaleBy(dmin, four + 256, 16, 0, out.minima);
    return out.codes;
  }
};

template <class V>
struct Q3KFormat {
  static constexpr int kSub = 16;
  static constexpr bool kMinima = false;
  static constexpr int kOffset = 4;
  static constexpr int kRecordBytes = 110;

  static const uint8_t* Widen(const uint8_t* p, int, WideRecord& out) {
    for (int b = 0; b < 8; ++b) {
      WidenPairs(p + 128 * b, 64, out.codes + 512 * b);
      WidenPairs(p + 128 * b + 64, 64, out.codes + 512 * b + 256);
      OrBits<2>(p + 1024 + 64 * b, 64, out.codes + 512 * b);
    }
    p += 1536;
    alignas(64) uint8_t six[256];
    float d[16];
    WidenNibbles(p, 128, six);
    OrPairs<4>(p + 128, 64, six);
    V::WidenF16(p + 192, d);
    ScaleBy(d, six, 16, 32, out.scales);
    return out.codes;
  }
};

template <class V>
struct Q6KFormat {
  static constexpr int kSub = 16;
  static constexpr bool kMinima = false;
  static constexpr int kOffset = 32;
  static constexpr int kRecordBytes = 210;

  static const uint8_t* Widen(const uint8_t* p, int, WideRecord& out) {
    WidenNibbleBlocks(p, 8, out);
    p += 2048;
    for (int b = 0; b < 8; ++b) {
      OrPairs<4>(p + 128 * b, 64, out.codes + 512 * b);
      OrPairs<4>(p + 128 * b + 64, 64, out.codes + 512 * b + 256);
    }
    p += 1024;
    alignas(64) int8_t factors[256];
    float d[16];
    std::memcpy(factors, p, 256);
    V::WidenF16(p + 256, d);
    ScaleBy(d, factors, 16, 0, out.scales);
    return out.codes;
  }
};

}  // namespace hyprstream::kernels
