// Byte layouts of GGUF's quantised blocks. Each struct is exactly a block as it lies in the file
// (alignment 1); d, m and dmin are IEEE half bits. How they decode: tensor/dequantize.h.
// Source: the GGUF format as implemented by ggml (ggml-common.h).
#pragma once

#include <cstdint>

namespace hyprstream {

#pragma pack(push, 1)

struct BlockQ4_0 {  // 32: y = d·(q − 8); low nibbles are elements 0–15, high nibbles 16–31
  uint16_t d;
  uint8_t qs[16];
};
struct BlockQ4_1 {  // 32: y = d·q + m
  uint16_t d;
  uint16_t m;
  uint8_t qs[16];
};
struct BlockQ5_0 {  // 32: y = d·(q − 16); qh holds the fifth bits
  uint16_t d;
  uint8_t qh[4];
  uint8_t qs[16];
};
struct BlockQ5_1 {  // 32: y = d·q + m
  uint16_t d;
  uint16_t m;
  uint8_t qh[4];
  uint8_t qs[16];
};
struct BlockQ8_0 {  // 32: y = d·q
  uint16_t d;
  int8_t qs[32];
};
struct BlockIQ4_NL {  // 32: y = d·table[q]
  uint16_t d;
  uint8_t qs[16];
};
struct BlockQ2_K {  // 256: 16 sub-blocks of 16; y = d·(scale & 15)·q − dmin·(scale >> 4)
  uint8_t scales[16];
  uint8_t qs[64];
  uint16_t d;
  uint16_t dmin;
};
struct BlockQ3_K {  // 256: 16 sub-blocks of 16; y = d·(scale − 32)·(q − 4·!hbit)
  uint8_t hmask[32];
  uint8_t qs[64];
  uint8_t scales[12];
  uint16_t d;
};
struct BlockQ4_K {  // 256: 8 sub-blocks of 32; y = d·scale·q − dmin·min
  uint16_t d;
  uint16_t dmin;
  uint8_t scales[12];
  uint8_t qs[128];
};
struct BlockQ5_K {  // 256: as Q4_K with a fifth bit
  uint16_t d;
  uint16_t dmin;
  uint8_t scales[12];
  uint8_t qh[32];
  uint8_t qs[128];
};
struct BlockQ6_K {  // 256: 16 sub-blocks of 16; y = d·scale·(q − 32)
  uint8_t ql[128];
  uint8_t qh[64];
  int8_t scales[16];
  uint16_t d;
};
struct BlockIQ4_XS {  // 256: 8 sub-blocks of 32; y = d·(scale − 32)·table[q]
  uint16_t d;
  uint16_t scales_h;
  uint8_t scales_l[4];
  uint8_t qs[128];
};

#pragma pack(pop)

static_assert(sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20 && sizeof(BlockQ5_0) == 22);
static_assert(sizeof(BlockQ5_1) == 24 && sizeof(BlockQ8_0) == 34 && sizeof(BlockIQ4_NL) == 18);
static_assert(sizeof(BlockQ2_K) == 84 && sizeof(BlockQ3_K) == 110 && sizeof(BlockQ4_K) == 144);
static_assert(sizeof(BlockQ5_K) == 176 && sizeof(BlockQ6_K) == 210 && sizeof(BlockIQ4_XS) == 136);

/// The sixteen levels of IQ4_NL and IQ4_XS.
inline constexpr int8_t kIQ4Levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};

}  // namespace hyprstream
