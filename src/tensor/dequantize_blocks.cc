#include "tensor/dequantize_blocks.h"

#include <cstring>

#include "base/error.h"
#include "tensor/blocks.h"
#include "tensor/float16.h"

namespace hyprstream {
namespace {

int Low(uint8_t byte) { return byte & 15; }
int High(uint8_t byte) { return byte >> 4; }

/// The fifth bit of element i, moved to its place.
int FifthBit(const uint8_t (&qh)[4], int i) { return ((qh[i / 8] >> (i % 8)) & 1) << 4; }

void Decode(const BlockQ4_0& block, float* y) {
  const float d = F16ToF32(block.d);
  for (int i = 0; i < 16; ++i) {
    y[i] = static_cast<float>(Low(block.qs[i]) - 8) * d;
    y[i + 16] = static_cast<float>(High(block.qs[i]) - 8) * d;
  }
}

void Decode(const BlockQ4_1& block, float* y) {
  const float d = F16ToF32(block.d);
  const float m = F16ToF32(block.m);
  for (int i = 0; i < 16; ++i) {
    y[i] = static_cast<float>(Low(block.qs[i])) * d + m;
    y[i + 16] = static_cast<float>(High(block.qs[i])) * d + m;
  }
}

void Decode(const BlockQ5_0& block, float* y) {
  const float d = F16ToF32(block.d);
  for (int i = 0; i < 16; ++i) {
    y[i] = static_cast<float>((Low(block.qs[i]) | FifthBit(block.qh, i)) - 16) * d;
    y[i + 16] = static_cast<float>((High(block.qs[i]) | FifthBit(block.qh, i + 16)) - 16) * d;
  }
}

void Decode(const BlockQ5_1& block, float* y) {
  const float d = F16ToF32(block.d);
  const float m = F16ToF32(block.m);
  for (int i = 0; i < 16; ++i) {
    y[i] = static_cast<float>(Low(block.qs[i]) | FifthBit(block.qh, i)) * d + m;
    y[i + 16] = static_cast<float>(High(block.qs[i]) | FifthBit(block.qh, i + 16)) * d + m;
  }
}

void Decode(const BlockQ8_0& block, float* y) {
  const float d = F16ToF32(block.d);
  for (int i = 0; i < 32; ++i) y[i] = static_cast<float>(block.qs[i]) * d;
}

void Decode(const BlockIQ4_NL& block, float* y) {
  const float d = F16ToF32(block.d);
  for (int i = 0; i < 16; ++i) {
    y[i] = d * static_cast<float>(kIQ4Levels[Low(block.qs[i])]);
    y[i + 16] = d * static_cast<float>(kIQ4Levels[High(block.qs[i])]);
  }
}

/// Q2_K and Q3_K keep the two low bits of element e the same way.
int TwoBits(const uint8_t (&qs)[64], int e) {
  return (qs[32 * (e / 128) + e % 32] >> (2 * (e % 128 / 32))) & 3;
}

void Decode(const BlockQ2_K& block, float* y) {
  const float d = F16ToF32(block.d);
  const float dmin = F16ToF32(block.dmin);
  for (int e = 0; e < 256; ++e) {
    const uint8_t scale = block.scales[e / 16];
    const float offset = dmin * static_cast<float>(High(scale));
    y[e] = d * static_cast<float>(Low(scale)) * static_cast<float>(TwoBits(block.qs, e)) - offset;
  }
}

/// Sixteen 6-bit scales: low nibbles in bytes 0–7, upper pairs of bits in bytes 8–11.
int ScaleQ3K(const uint8_t (&scales)[12], int k) {
  const int low = k < 8 ? Low(scales[k]) : High(scales[k - 8]);
  const int high = (scales[8 + k % 4] >> (2 * (k / 4))) & 3;
  return (low | (high << 4)) - 32;
}

void Decode(const BlockQ3_K& block, float* y) {
  const float d = F16ToF32(block.d);
  for (int e = 0; e < 256; ++e) {
    const bool high = (block.hmask[e % 32] >> (e / 32)) & 1;
    const int q = TwoBits(block.qs, e) - (high ? 0 : 4);
    y[e] = d * static_cast<float>(ScaleQ3K(block.scales, e / 16)) * static_cast<float>(q);
  }
}

struct ScaleAndMin {
  float scale;
  float min;
};

/// Eight 6-bit scales and eight 6-bit minima in twelve bytes (Q4_K and Q5_K).
ScaleAndMin ScaleQ4K(const uint8_t (&scales)[12], int group) {
  if (group < 4) {
    return {static_cast<float>(scales[group] & 63), static_cast<float>(scales[group + 4] & 63)};
  }
  return {static_cast<float>(Low(scales[group + 4]) | ((scales[group - 4] >> 6) << 4)),
          static_cast<float>(High(scales[group + 4]) | ((scales[group] >> 6) << 4))};
}

void Decode(const BlockQ4_K& block, float* y) {
  for (int group = 0; group < 8; ++group) {
    const ScaleAndMin by = ScaleQ4K(block.scales, group);
    const float d = F16ToF32(block.d) * by.scale;
    const float m = F16ToF32(block.dmin) * by.min;
    for (int i = 0; i < 32; ++i) {
      const uint8_t pair = block.qs[32 * (group / 2) + i];
      y[32 * group + i] = d * static_cast<float>(group % 2 == 1 ? High(pair) : Low(pair)) - m;
    }
  }
}

void Decode(const BlockQ5_K& block, float* y) {
  for (int group = 0; group < 8; ++group) {
    const ScaleAndMin by = ScaleQ4K(block.scales, group);
    const float d = F16ToF32(block.d) * by.scale;
    const float m = F16ToF32(block.dmin) * by.min;
    for (int i = 0; i < 32; ++i) {
      const uint8_t pair = block.qs[32 * (group / 2) + i];
      const int fifth = ((block.qh[i] >> group) & 1) << 4;
      y[32 * group + i] =
          d * static_cast<float>((group % 2 == 1 ? High(pair) : Low(pair)) | fifth) - m;
    }
  }
}

void Decode(const BlockQ6_K& block, float* y) {
  const float d = F16ToF32(block.d);
  for (int e = 0; e < 256; ++e) {
    const int half = e / 128;
    const int quarter = e % 128 / 32;
    const uint8_t pair = block.ql[64 * half + 32 * (quarter % 2) + e % 32];
    const int high = (block.qh[32 * half + e % 32] >> (2 * quarter)) & 3;
    const int q = ((quarter >= 2 ? High(pair) : Low(pair)) | (high << 4)) - 32;
    y[e] = d * static_cast<float>(block.scales[e / 16]) * static_cast<float>(q);
  }
}

void Decode(const BlockIQ4_XS& block, float* y) {
  for (int group = 0; group < 8; ++group) {
    const int low = (block.scales_l[group / 2] >> (4 * (group % 2))) & 15;
    const int high = (block.scales_h >> (2 * group)) & 3;
    const float d = F16ToF32(block.d) * static_cast<float>((low | (high << 4)) - 32);
    for (int i = 0; i < 16; ++i) {
      const uint8_t pair = block.qs[16 * group + i];
      y[32 * group + i] = d * static_cast<float>(kIQ4Levels[Low(pair)]);
      y[32 * group + 16 + i] = d * static_cast<float>(kIQ4Levels[High(pair)]);
    }
  }
}

template <typename Block>
void DecodeAll(std::span<const std::byte> blocks, std::span<float> out) {
  const size_t count = blocks.size() / sizeof(Block);
  if (count == 0) return;
  const size_t elements = out.size() / count;
  for (size_t i = 0; i < count; ++i) {
    Block block;  // a copy: the bytes may lie at any address
    std::memcpy(&block, blocks.data() + i * sizeof(Block), sizeof(Block));
    Decode(block, out.data() + i * elements);
  }
}

}  // namespace

void DequantizeBlocks(DType type, std::span<const std::byte> blocks, std::span<float> out) {
  switch (type) {
    case DType::kQ4_0:
      return DecodeAll<BlockQ4_0>(blocks, out);
    case DType::kQ4_1:
      return DecodeAll<BlockQ4_1>(blocks, out);
    case DType::kQ5_0:
      return DecodeAll<BlockQ5_0>(blocks, out);
    case DType::kQ5_1:
      return DecodeAll<BlockQ5_1>(blocks, out);
    case DType::kQ8_0:
      return DecodeAll<BlockQ8_0>(blocks, out);
    case DType::kIQ4_NL:
      return DecodeAll<BlockIQ4_NL>(blocks, out);
    case DType::kQ2_K:
      return DecodeAll<BlockQ2_K>(blocks, out);
    case DType::kQ3_K:
      return DecodeAll<BlockQ3_K>(blocks, out);
    case DType::kQ4_K:
      return DecodeAll<BlockQ4_K>(blocks, out);
    case DType::kQ5_K:
      return DecodeAll<BlockQ5_K>(blocks, out);
    case DType::kQ6_K:
      return DecodeAll<BlockQ6_K>(blocks, out);
    case DType::kIQ4_XS:
      return DecodeAll<BlockIQ4_XS>(blocks, out);
    default:
      HYPR_CHECK(IsQuantized(type));
  }
}

}  // namespace hyprstream
