// Element types of tensors: the plain ones of safetensors and the block-quantised ones of GGUF.
// A type has a block: how many consecutive elements of a row are stored together, in how many bytes
// (1 element for plain types). Layouts of the blocks are in tensor/blocks.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace hyprstream {

enum class DType : uint8_t {
  kBool,
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kU64,
  kI64,
  kF8E4M3,
  kF8E5M2,
  kF16,
  kBF16,
  kF32,
  kF64,
  // Blocks of 32 elements.
  kQ4_0,
  kQ4_1,
  kQ5_0,
  kQ5_1,
  kQ8_0,
  kIQ4_NL,
  // Blocks of 256 elements.
  kQ2_K,
  kQ3_K,
  kQ4_K,
  kQ5_K,
  kQ6_K,
  kIQ4_XS,
  // Recognised so that files can be listed and refused by name; never computed with.
  kF4,
  kF6E2M3,
  kF6E3M2,
  kF8E8M0,
  kF8E4M3FNUZ,
  kF8E5M2FNUZ,
  kC64,
  kQ8_1,
  kQ8_K,
  kIQ2_XXS,
  kIQ2_XS,
  kIQ2_S,
  kIQ3_XXS,
  kIQ3_S,
  kIQ1_S,
  kIQ1_M,
  kTQ1_0,
  kTQ2_0,
  kMXFP4,
  kNVFP4,
  kQ1_0,
  kQ2_0,
};

struct DTypeInfo {
  std::string_view name;  // "BF16", "Q4_K": the spelling of the format it comes from
  int block_elements;     // elements of a row stored together
  int block_bits;         // size of such a block in bits (below 8 only for kF4 and kF6*)
};

const DTypeInfo& Info(DType type);
inline std::string_view Name(DType type) { return Info(type).name; }

/// F16, BF16, F32, F64 and the F8 types that can be computed with.
bool IsFloat(DType type);
/// The block types that weights can be computed in: Q4_0 to IQ4_XS.
bool IsQuantized(DType type);

/// Bytes of a row of `elements`; nothing when elements is not a multiple of the block.
std::optional<uint64_t> RowBytes(DType type, uint64_t elements);

}  // namespace hyprstream
