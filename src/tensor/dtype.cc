#include "tensor/dtype.h"

#include "base/error.h"

namespace hyprstream {
namespace {

constexpr DTypeInfo kInfos[] = {
    {"BOOL", 1, 8},
    {"U8", 1, 8},
    {"I8", 1, 8},
    {"U16", 1, 16},
    {"I16", 1, 16},
    {"U32", 1, 32},
    {"I32", 1, 32},
    {"U64", 1, 64},
    {"I64", 1, 64},
    {"F8_E4M3", 1, 8},
    {"F8_E5M2", 1, 8},
    {"F16", 1, 16},
    {"BF16", 1, 16},
    {"F32", 1, 32},
    {"F64", 1, 64},
    {"Q4_0", 32, 18 * 8},
    {"Q4_1", 32, 20 * 8},
    {"Q5_0", 32, 22 * 8},
    {"Q5_1", 32, 24 * 8},
    {"Q8_0", 32, 34 * 8},
    {"IQ4_NL", 32, 18 * 8},
    {"Q2_K", 256, 84 * 8},
    {"Q3_K", 256, 110 * 8},
    {"Q4_K", 256, 144 * 8},
    {"Q5_K", 256, 176 * 8},
    {"Q6_K", 256, 210 * 8},
    {"IQ4_XS", 256, 136 * 8},
    {"F4", 1, 4},
    {"F6_E2M3", 1, 6},
    {"F6_E3M2", 1, 6},
    {"F8_E8M0", 1, 8},
    {"F8_E4M3FNUZ", 1, 8},
    {"F8_E5M2FNUZ", 1, 8},
    {"C64", 1, 64},
    {"Q8_1", 32, 36 * 8},
    {"Q8_K", 256, 292 * 8},
    {"IQ2_XXS", 256, 66 * 8},
    {"IQ2_XS", 256, 74 * 8},
    {"IQ2_S", 256, 82 * 8},
    {"IQ3_XXS", 256, 98 * 8},
    {"IQ3_S", 256, 110 * 8},
    {"IQ1_S", 256, 50 * 8},
    {"IQ1_M", 256, 56 * 8},
    {"TQ1_0", 256, 54 * 8},
    {"TQ2_0", 256, 66 * 8},
    {"MXFP4", 32, 17 * 8},
    {"NVFP4", 64, 36 * 8},
    {"Q1_0", 128, 18 * 8},
    {"Q2_0", 128, 34 * 8},
};
static_assert(std::size(kInfos) == static_cast<size_t>(DType::kQ2_0) + 1);

}  // namespace

const DTypeInfo& Info(DType type) {
  const auto index = static_cast<size_t>(type);
  HYPR_CHECK(index < std::size(kInfos));
  return kInfos[index];
}

bool IsFloat(DType type) { return type >= DType::kF8E4M3 && type <= DType::kF64; }

bool IsQuantized(DType type) { return type >= DType::kQ4_0 && type <= DType::kIQ4_XS; }

std::optional<uint64_t> RowBytes(DType type, uint64_t elements) {
  const DTypeInfo& info = Info(type);
  if (elements % static_cast<uint64_t>(info.block_elements) != 0) return std::nullopt;
  const uint64_t blocks = elements / static_cast<uint64_t>(info.block_elements);
  uint64_t bits = 0;
  if (__builtin_mul_overflow(blocks, static_cast<uint64_t>(info.block_bits), &bits)) {
    return std::nullopt;
  }
  if (bits % 8 != 0) return std::nullopt;
  return bits / 8;
}

}  // namespace hyprstream
