// Numbers of the GGUF format: metadata value types and tensor types. Source: the GGUF specification
// and ggml.h of ggml.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "tensor/dtype.h"

namespace hyprstream::formats {

enum class GgufType : uint32_t {
  kU8 = 0,
  kI8 = 1,
  kU16 = 2,
  kI16 = 3,
  kU32 = 4,
  kI32 = 5,
  kF32 = 6,
  kBool = 7,
  kString = 8,
  kArray = 9,
  kU64 = 10,
  kI64 = 11,
  kF64 = 12,
};

inline constexpr uint32_t kGgufMagic = 0x46554747;  // "GGUF", little-endian
inline constexpr uint64_t kGgufDefaultAlignment = 32;
inline constexpr uint64_t kGgufMaxTensorName = 63;  // ggml's limit, in bytes

/// The element type of a tensor type number; nothing for one that is unknown or was removed.
std::optional<DType> GgufTensorType(uint32_t number);
/// Nothing when GGUF has no number for it.
std::optional<uint32_t> GgufTensorTypeNumber(DType type);

/// Bytes of one element of an array; nothing for strings, arrays and unknown types.
std::optional<uint64_t> GgufElementBytes(uint32_t type);

}  // namespace hyprstream::formats
