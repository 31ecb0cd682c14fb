#include "kernels/cpu/explode.h"

#include <cstring>

#include "base/error.h"
#include "tensor/blocks.h"

namespace hyprstream::kernels {
namespace {

// Low nibbles are the first sixteen elements, high nibbles the others.
void Nibbles32(const uint8_t* qs, uint8_t* codes) {
  for (int i = 0; i < 16; ++i) {
    codes[i] = qs[i] & 15;
    codes[i + 16] = qs[i] >> 4;
  }
}

void FifthBits(const uint8_t* qh, uint8_t* codes) {
  for (int i = 0; i < 32; ++i) {
    codes[i] = static_cast<uint8_t>(codes[i] | (((qh[i / 8] >> (i % 8)) & 1) << 4));
  }
}

// Low nibbles are 32 elements, high nibbles the next 32.
void Nibbles256(const uint8_t* qs, uint8_t* codes) {
  for (int c = 0; c < 4; ++c) {
    for (int l = 0; l < 32; ++l) {
      codes[64 * c + l] = qs[32 * c + l] & 15;
      codes[64 * c + 32 + l] = qs[32 * c + l] >> 4;
    }
  }
}

// Two bits per element, 128 elements to 32 bytes.
void Pairs256(const uint8_t* qs, uint8_t* codes) {
  for (int e = 0; e < 256; ++e) {
    codes[e] = (qs[32 * (e / 128) + e % 32] >> (2 * (e % 128 / 32))) & 3;
  }
}

// The six-bit scales and minima of Q4_K and Q5_K.
void Scales45(const uint8_t* s, RowRecord& out) {
  for (int g = 0; g < 4; ++g) {
    out.scales[g] = s[g] & 63;
    out.minima[g] = s[g + 4] & 63;
    out.scales[g + 4] = static_cast<uint8_t>((s[g + 8] & 15) | ((s[g] >> 6) << 4));
    out.minima[g + 4] = static_cast<uint8_t>((s[g + 8] >> 4) | ((s[g + 4] >> 6) << 4));
  }
}

template <class Block>
Block Read(const std::byte* p) {
  Block block;
  std::memcpy(&block, p, sizeof(block));
  return block;
}

template <class Block, class Visit>
void EachBlock(const std::byte* row, int blocks, Visit visit) {
  for (int b = 0; b < blocks; ++b) {
    visit(Read<Block>(row + static_cast<size_t>(b) * sizeof(Block)), b);
  }
}

void ExplodeQ2K(const BlockQ2_K& block, RowRecord& out) {
  Pairs256(block.qs, out.codes);
  for (int s = 0; s < 16; ++s) {
    out.scales[s] = block.scales[s] & 15;
    out.minima[s] = block.scales[s] >> 4;
  }
  out.d[0] = block.d;
  out.m[0] = block.dmin;
}

void ExplodeQ3K(const BlockQ3_K& block, RowRecord& out) {
  Pairs256(block.qs, out.codes);
  for (int e = 0; e < 256; ++e) {
    const int high = (block.hmask[e % 32] >> (e / 32)) & 1;
    out.codes[e] = static_cast<uint8_t>(out.codes[e] | (high << 2));
  }
  for (int s = 0; s < 16; ++s) {
    const int low = s < 8 ? block.scales[s] & 15 : block.scales[s - 8] >> 4;
    const int high = (block.scales[8 + s % 4] >> (2 * (s / 4))) & 3;
    out.scales[s] = static_cast<uint8_t>(low | (high << 4));
  }
  out.d[0] = block.d;
}

void ExplodeQ5K(const BlockQ5_K& block, RowRecord& out) {
  Nibbles256(block.qs, out.codes);
  for (int e = 0; e < 256; ++e) {
    const int high = (block.qh[e % 32] >> (e / 32)) & 1;
    out.codes[e] = static_cast<uint8_t>(out.codes[e] | (high << 4));
  }
  Scales45(block.scales, out);
  out.d[0] = block.d;
  out.m[0] = block.dmin;
}

void ExplodeQ6K(const BlockQ6_K& block, RowRecord& out) {
  for (int e = 0; e < 256; ++e) {
    const int h = e / 128;
    const int j = e % 128 / 32;
    const int l = e % 32;
    const int byte = block.ql[64 * h + 32 * (j % 2) + l];
    const int low = j >= 2 ? byte >> 4 : byte & 15;
    const int high = (block.qh[32 * h + l] >> (2 * j)) & 3;
    out.codes[e] = static_cast<uint8_t>(low | (high << 4));
  }
  std::memcpy(out.scales, block.scales, sizeof(out.scales));
  out.d[0] = block.d;
}

void ExplodeIq4Xs(const BlockIQ4_XS& block, RowRecord& out) {
  for (int g = 0; g < 8; ++g) {
    Nibbles32(block.qs + 16 * g, out.codes + 32 * g);
    const int low = (block.scales_l[g / 2] >> (4 * (g % 2))) & 15;
    out.scales[g] = static_cast<uint8_t>(low | (((block.scales_h >> (2 * g)) & 3) << 4));
  }
  out.d[0] = block.d;
}

template <class Block>
void ExplodeSimple(const Block& block, int b, RowRecord& out) {
  Nibbles32(block.qs, out.codes + 32 * b);
  out.d[b] = block.d;
  if constexpr (requires { block.qh; }) FifthBits(block.qh, out.codes + 32 * b);
  if constexpr (requires { block.m; }) out.m[b] = block.m;
}

}  // namespace

void ExplodeRow(DType type, const std::byte* row, int blocks, RowRecord& out) {
  const auto simple = [&](const auto& block, int b) { ExplodeSimple(block, b, out); };
  switch (type) {
    case DType::kQ4_0:
      return EachBlock<BlockQ4_0>(row, blocks, simple);
    case DType::kQ4_1:
      return EachBlock<BlockQ4_1>(row, blocks, simple);
    case DType::kQ5_0:
      return EachBlock<BlockQ5_0>(row, blocks, simple);
    case DType::kQ5_1:
      return EachBlock<BlockQ5_1>(row, blocks, simple);
    case DType::kIQ4_NL:
      return EachBlock<BlockIQ4_NL>(row, blocks, simple);
    case DType::kQ8_0:
      return EachBlock<BlockQ8_0>(row, blocks, [&](const BlockQ8_0& block, int b) {
        for (int i = 0; i < 32; ++i) {
          out.codes[32 * b + i] = static_cast<uint8_t>(static_cast<uint8_t>(block.qs[i]) ^ 0x80u);
        }
        out.d[b] = block.d;
      });
    case DType::kQ2_K:
      return ExplodeQ2K(Read<BlockQ2_K>(row), out);
    case DType::kQ3_K:
      return ExplodeQ3K(Read<BlockQ3_K>(row), out);
    case DType::kQ4_K: {
      const auto block = Read<BlockQ4_K>(row);
      Nibbles256(block.qs, out.codes);
      Scales45(block.scales, out);
      out.d[0] = block.d;
      out.m[0] = block.dmin;
      return;
    }
    case DType::kQ5_K:
      return ExplodeQ5K(Read<BlockQ5_K>(row), out);
    case DType::kQ6_K:
      return ExplodeQ6K(Read<BlockQ6_K>(row), out);
    case DType::kIQ4_XS:
      return ExplodeIq4Xs(Read<BlockIQ4_XS>(row), out);
    default:
      HYPR_CHECK(IsQuantized(type));
  }
}

}  // namespace hyprstream::kernels
