#include "tensor/quantize.h"

#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/error.h"
#include "tensor/float16.h"
#include "tensor/quantize_blocks.h"

namespace hyprstream {
namespace {

template <typename Narrow>
void NarrowEach(std::span<const float> values, std::byte* out, Narrow narrow) {
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t narrowed = narrow(values[i]);
    std::memcpy(out + i * sizeof(narrowed), &narrowed, sizeof(narrowed));
  }
}

template <typename Block>
void EncodeRow(DType type, std::span<const float> values, std::byte* out) {
  const auto elements = static_cast<size_t>(Info(type).block_elements);
  for (size_t i = 0; i < values.size() / elements; ++i) {
    Block block;
    EncodeBlock(values.subspan(i * elements, elements), block);
    std::memcpy(out + i * sizeof(Block), &block, sizeof(Block));
  }
}

}  // namespace

bool CanQuantize(DType type) {
  switch (type) {
    case DType::kF32:
    case DType::kF16:
    case DType::kBF16:
    case DType::kQ8_0:
    case DType::kQ4_0:
    case DType::kQ5_0:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
    case DType::kQ6_K:
      return true;
    default:
      return false;
  }
}

float LargestStorable(DType type) {
  if (type == DType::kF32) return 3.4028235e38f;
  if (type == DType::kBF16) return 3.3895314e38f;
  return 65504.0f;
}

std::optional<size_t> FindUnstorable(DType type, std::span<const float> values) {
  const float limit = LargestStorable(type);
  bool all = true;
  for (const float value : values) all &= std::fabs(value) <= limit;
  if (all) return std::nullopt;
  size_t i = 0;
  while (std::fabs(values[i]) <= limit) ++i;
  return i;
}

void QuantizeRow(DType type, std::span<const float> values, std::span<std::byte> out) {
  HYPR_CHECK(RowBytes(type, values.size()) == out.size());
  switch (type) {
    case DType::kF32:
      if (!values.empty()) std::memcpy(out.data(), values.data(), values.size_bytes());
      return;
    case DType::kF16:
      return NarrowEach(values, out.data(), F32ToF16);
    case DType::kBF16:
      return NarrowEach(values, out.data(), F32ToBF16);
    case DType::kQ8_0:
      return EncodeRow<BlockQ8_0>(type, values, out.data());
    case DType::kQ4_0:
      return EncodeRow<BlockQ4_0>(type, values, out.data());
    case DType::kQ5_0:
      return EncodeRow<BlockQ5_0>(type, values, out.data());
    case DType::kQ5_1:
      return EncodeRow<BlockQ5_1>(type, values, out.data());
    case DType::kQ4_K:
      return EncodeRow<BlockQ4_K>(type, values, out.data());
    case DType::kQ5_K:
      return EncodeRow<BlockQ5_K>(type, values, out.data());
    case DType::kQ6_K:
      return EncodeRow<BlockQ6_K>(type, values, out.data());
    default:
      HYPR_CHECK(CanQuantize(type));
  }
}

}  // namespace hyprstream
