#include "tensor/dequantize.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "tensor/dequantize_blocks.h"
#include "tensor/float16.h"

namespace hyprstream {
namespace {

/// Bytes of a row have any alignment.
template <typename T>
T Load(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

/// OCP FP8 E4M3 ("fn"): bias 7, no infinities, S.1111.111 is NaN.
float F8E4M3ToF32(uint8_t bits) {
  const uint32_t sign = static_cast<uint32_t>(bits & 0x80u) << 24;
  const uint32_t exponent = (bits >> 3) & 15u;
  const uint32_t mantissa = bits & 7u;
  if (exponent == 15 && mantissa == 7) return std::bit_cast<float>(sign | 0x7fc00000u);
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 120) << 23) | (mantissa << 20));
  const float magnitude = static_cast<float>(mantissa) * 0x1p-9f;
  return std::bit_cast<float>(std::bit_cast<uint32_t>(magnitude) | sign);
}

/// OCP FP8 E5M2 is the upper byte of a half.
float F8E5M2ToF32(uint8_t bits) {
  return F16ToF32(static_cast<uint16_t>(static_cast<uint32_t>(bits) << 8));
}

template <typename Stored, typename Convert>
void WidenEach(const std::byte* row, std::span<float> out, Convert convert) {
  for (size_t i = 0; i < out.size(); ++i) {
    out[i] = convert(Load<Stored>(row + i * sizeof(Stored)));
  }
}

template <typename Stored>
void WidenNumbers(const std::byte* row, std::span<float> out) {
  WidenEach<Stored>(row, out, [](Stored value) { return static_cast<float>(value); });
}

bool IsPlain(DType type) { return type <= DType::kF64; }

void WidenPlain(DType type, const std::byte* row, std::span<float> out) {
  switch (type) {
    case DType::kBool:
      return WidenEach<uint8_t>(row, out, [](uint8_t value) { return value == 0 ? 0.0f : 1.0f; });
    case DType::kU8:
      return WidenNumbers<uint8_t>(row, out);
    case DType::kI8:
      return WidenNumbers<int8_t>(row, out);
    case DType::kU16:
      return WidenNumbers<uint16_t>(row, out);
    case DType::kI16:
      return WidenNumbers<int16_t>(row, out);
    case DType::kU32:
      return WidenNumbers<uint32_t>(row, out);
    case DType::kI32:
      return WidenNumbers<int32_t>(row, out);
    case DType::kU64:
      return WidenNumbers<uint64_t>(row, out);
    case DType::kI64:
      return WidenNumbers<int64_t>(row, out);
    case DType::kF8E4M3:
      return WidenEach<uint8_t>(row, out, F8E4M3ToF32);
    case DType::kF8E5M2:
      return WidenEach<uint8_t>(row, out, F8E5M2ToF32);
    case DType::kF16:
      return WidenEach<uint16_t>(row, out, F16ToF32);
    case DType::kBF16:
      return WidenEach<uint16_t>(row, out, BF16ToF32);
    case DType::kF32:
      std::memcpy(out.data(), row, out.size_bytes());
      return;
    case DType::kF64:
      return WidenNumbers<double>(row, out);
    default:
      HYPR_CHECK(IsPlain(type));
  }
}

}  // namespace

bool CanDequantize(DType type) { return IsPlain(type) || IsQuantized(type); }

void DequantizeRow(DType type, std::span<const std::byte> row, std::span<float> out) {
  HYPR_CHECK(CanDequantize(type));
  HYPR_CHECK(RowBytes(type, out.size()) == row.size());
  if (out.empty()) return;
  if (IsPlain(type)) return WidenPlain(type, row.data(), out);
  DequantizeBlocks(type, row, out);
}

Tensor DequantizeToF32(const TensorView& view) {
  if (!CanDequantize(view.dtype)) {
    throw Error(
        ErrorCode::kUnsupported,
        {.message = "tensors of type " + std::string(Name(view.dtype)) + " cannot be computed with",
         .expected = "a plain number type or one of Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 IQ4_NL Q2_K "
                     "Q3_K Q4_K Q5_K Q6_K IQ4_XS",
         .hint = "convert the file to one of these"});
  }
  Tensor result(DType::kF32, view.shape);
  const auto out = result.As<float>();
  if (out.empty()) return result;  // whatever the number of rows
  const auto cols = static_cast<size_t>(view.cols());
  for (int64_t row = 0; row < view.rows(); ++row) {
    DequantizeRow(view.dtype, view.row(row), out.subspan(static_cast<size_t>(row) * cols, cols));
  }
  return result;
}

}  // namespace hyprstream
