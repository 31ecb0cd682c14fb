// Weights of every type and the references that ops::Linear is compared with.
#pragma once

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "op_context.h"
#include "ops/linear.h"
#include "tensor/blocks.h"
#include "tensor/dequantize.h"
#include "tensor/float16.h"

namespace hyprstream::testing {

inline std::vector<DType> WeightTypes() {
  std::vector<DType> types;
  for (int i = 0; i <= static_cast<int>(DType::kIQ4_XS); ++i) {
    const auto type = static_cast<DType>(i);
    if (IsFloat(type) || IsQuantized(type)) types.push_back(type);
  }
  return types;
}

// Where a block keeps its f16 scales.
inline std::vector<size_t> ScaleOffsets(DType type) {
  switch (type) {
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
      return {0, 2};
    case DType::kQ2_K:
      return {offsetof(BlockQ2_K, d), offsetof(BlockQ2_K, dmin)};
    case DType::kQ3_K:
      return {offsetof(BlockQ3_K, d)};
    case DType::kQ6_K:
      return {offsetof(BlockQ6_K, d)};
    default:
      return {0};
  }
}

template <class T>
void Put(std::byte* to, T value) {
  std::memcpy(to, &value, sizeof(value));
}

inline void PutFloat(DType type, std::byte* to, float value) {
  switch (type) {
    case DType::kF32:
      return Put(to, value);
    case DType::kF64:
      return Put(to, double{value});
    case DType::kF16:
      return Put(to, F32ToF16(value));
    case DType::kBF16:
      return Put(to, F32ToBF16(value));
    case DType::kF8E5M2:
      return Put(to, static_cast<uint8_t>(F32ToF16(value) >> 8));
    default:  // F8_E4M3: sign, exponent 7 (2^0) or 6, a mantissa
      return Put(to,
                 static_cast<uint8_t>((value < 0 ? 0x80 : 0) | (std::abs(value) < 1 ? 0x30 : 0x38) |
                                      (std::bit_cast<uint32_t>(value) >> 20 & 7)));
  }
}

/// Normal values, or random codes with random small scales of either sign.
inline Tensor RandomWeight(DType type, int64_t out, int64_t in, uint32_t seed) {
  Tensor weight(type, Shape{out, in});
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  auto* bytes = const_cast<std::byte*>(weight.view().bytes.data());
  const size_t size = weight.view().bytes.size();
  const size_t block = static_cast<size_t>(Info(type).block_bits / 8);
  for (size_t at = 0; at < size; at += block) {
    if (IsFloat(type)) {
      PutFloat(type, bytes + at, normal(random));
      continue;
    }
    for (size_t i = 0; i < block; ++i) bytes[at + i] = static_cast<std::byte>(random());
    for (const size_t offset : ScaleOffsets(type)) {
      Put(bytes + at + offset, F32ToF16(0.01f * normal(random)));
    }
  }
  return weight;
}

/// A dimension that the type's blocks divide, near `about`.
inline int64_t InFeatures(DType type, int64_t about) {
  const int64_t block = Info(type).block_elements;
  return (about + block - 1) / block * block;
}

/// x as the kernels round it: int8 blocks of 32, scale = largest / 127, nearest even.
inline std::vector<double> Int8Rounded(std::span<const float> x) {
  std::vector<double> rounded(x.size());
  for (size_t begin = 0; begin < x.size(); begin += 32) {
    const size_t end = std::min(begin + 32, x.size());
    float largest = 0;
    for (size_t i = begin; i < end; ++i) largest = std::max(largest, std::abs(x[i]));
    const float scale = largest / 127.0f;
    const float inverse = largest == 0 ? 0 : 127.0f / largest;
    for (size_t i = begin; i < end; ++i) {
      rounded[i] = double{std::nearbyint(x[i] * inverse)} * scale;
    }
  }
  return rounded;
}

inline std::vector<double> Bf16Rounded(std::span<const float> x) {
  std::vector<double> rounded(x.size());
  for (size_t i = 0; i < x.size(); ++i) rounded[i] = BF16ToF32(F32ToBF16(x[i]));
  return rounded;
}

/// Σ x·w and Σ |x·w| in f64.
struct Product {
  double value = 0;
  double magnitude = 0;
};
inline Product Dot(std::span<const double> x, std::span<const float> w) {
  Product product;
  for (size_t k = 0; k < x.size(); ++k) {
    product.value += x[k] * w[k];
    product.magnitude += std::abs(x[k] * w[k]);
  }
  return product;
}

inline Rows Multiply(ops::Context& context, const Rows& x, const ops::LinearWeight& weight,
                     std::span<const ops::AdapterSegment> adapters = {}) {
  Rows y(x.rows, weight.out_features());
  for (float& value : y.data) value = 12345.0f;  // must be overwritten
  const ops::LinearCall call{&weight, y.matrix(), adapters};
  ops::Linear(context, x.matrix(), {&call, 1});
  return y;
}

inline Rows SomeRows(const Rows& x, int64_t begin, int64_t count) {
  return {count, x.cols,
          std::span(x.data).subspan(static_cast<size_t>(begin * x.cols),
                                    static_cast<size_t>(count * x.cols))};
}

inline bool SameBits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

}  // namespace hyprstream::testing
