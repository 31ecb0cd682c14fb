// Planes: how codes narrower than a byte are stored inside a record, and their widening. A block of
// 32 elements of k has 8 groups g of 64 codes (16 rows × 4 of k).
//   nibble plane, 256 bytes: byte 64·(g % 4) + i has code i of group g, low half for g < 4
//   2-bit plane, 128 bytes:  byte 64·(g / 4) + i has it in bits 2·(g % 4)
//   1-bit plane, 64 bytes:   byte i has it in bit g
// Six-bit scales are a nibble plane and a 2-bit plane over one array. Everything is static: this
// file is compiled once for each instruction set, and the linker must not mix the copies.
#pragma once

#include <cstdint>
#include <cstring>

namespace hyprstream::kernels {

// Eight codes at a time; the compiler turns the loops into full vectors.
static inline uint64_t LoadWord(const uint8_t* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof(word));
  return word;
}
static inline void StoreWord(uint8_t* p, uint64_t word) { std::memcpy(p, &word, sizeof(word)); }

static inline uint64_t Everywhere(uint8_t byte) { return 0x0101010101010101u * byte; }

/// out[i] = low halves, out[count + i] = high halves of count bytes (a multiple of 8).
static inline void WidenNibbles(const uint8_t* __restrict in, int count, uint8_t* __restrict out) {
  const uint64_t mask = Everywhere(15);
  for (int i = 0; i < count; i += 8) {
    const uint64_t word = LoadWord(in + i);
    StoreWord(out + i, word & mask);
    StoreWord(out + count + i, (word >> 4) & mask);
  }
}

/// out[field · count + i] |= 2-bit field of byte i, moved to bit `shift`.
template <int shift>
static inline void OrPairs(const uint8_t* __restrict in, int count, uint8_t* __restrict out) {
  const uint64_t mask = Everywhere(3);
  for (int field = 0; field < 4; ++field) {
    uint8_t* target = out + field * count;
    for (int i = 0; i < count; i += 8) {
      const uint64_t bits = (LoadWord(in + i) >> (2 * field)) & mask;
      StoreWord(target + i, LoadWord(target + i) | (bits << shift));
    }
  }
}

/// out[field · count + i] = 2-bit field of byte i.
static inline void WidenPairs(const uint8_t* __restrict in, int count, uint8_t* __restrict out) {
  const uint64_t mask = Everywhere(3);
  for (int field = 0; field < 4; ++field) {
    for (int i = 0; i < count; i += 8) {
      StoreWord(out + field * count + i, (LoadWord(in + i) >> (2 * field)) & mask);
    }
  }
}

/// out[field · count + i] |= bit `field` of byte i, moved to bit `shift`.
template <int shift>
static inline void OrBits(const uint8_t* __restrict in, int count, uint8_t* __restrict out) {
  const uint64_t mask = Everywhere(1);
  for (int field = 0; field < 8; ++field) {
    uint8_t* target = out + field * count;
    for (int i = 0; i < count; i += 8) {
      const uint64_t bits = (LoadWord(in + i) >> field) & mask;
      StoreWord(target + i, LoadWord(target + i) | (bits << shift));
    }
  }
}

}  // namespace hyprstream::kernels
