#include "convert/recipe.h"

#include <array>
#include <cctype>

#include "base/error.h"

namespace hyprstream::convert {
namespace {

struct Target {
  DType type;
  uint32_t file_type;  // llama.cpp's enum llama_ftype
};
constexpr std::array kTargets = {
    Target{DType::kQ8_0, 7},  Target{DType::kQ4_0, 2},  Target{DType::kQ5_0, 8},
    Target{DType::kQ4_K, 15}, Target{DType::kQ5_K, 17}, Target{DType::kQ6_K, 18},
    Target{DType::kF16, 1},   Target{DType::kBF16, 32}, Target{DType::kF32, 0},
    Target{DType::kQ5_1, 9},  Target{DType::kQ4_1, 3}};
constexpr size_t kNamed = 9;  // the last ones are fallbacks

bool Fits(DType type, int64_t cols) { return cols % Info(type).block_elements == 0; }

DType WithSmallerBlocks(DType type, int64_t cols) {
  if (Fits(type, cols)) return type;
  const DType smaller = type == DType::kQ4_K   ? DType::kQ5_0
                        : type == DType::kQ5_K ? DType::kQ5_1
                        : type == DType::kQ6_K ? DType::kQ8_0
                                               : type;
  return Fits(smaller, cols) ? smaller : DType::kF16;
}

}  // namespace

DType ParseTargetType(std::string_view name) {
  std::string upper, all;
  for (const char c : name) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (size_t i = 0; i < kNamed; ++i) {
    const std::string known(Name(kTargets[i].type));
    if (known == upper) return kTargets[i].type;
    for (const char c : known)
      all += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (i + 1 < kNamed) all += ", ";
  }
  throw Error(ErrorCode::kUsage, {.message = "a model cannot be converted to this type",
                                  .expected = all,
                                  .found = std::string(name),
                                  .where = "--quantize"});
}

uint32_t GgufFileType(DType type) {
  for (const Target& target : kTargets) {
    if (target.type == type) return target.file_type;
  }
  return 0;
}

DType Recipe::BlockType(const LaidTensor& tensor) const {
  const bool embedding = tensor.name == "token_embd.weight";
  if (tensor.name == "output.weight" || (embedding && !has_head_)) {
    return *target_ == DType::kQ8_0 ? DType::kQ8_0 : DType::kQ6_K;
  }
  const bool mixes = *target_ == DType::kQ4_K || *target_ == DType::kQ5_K;
  const bool delicate = tensor.name.find(".attn_v.") != std::string::npos ||
                        tensor.name.find(".ffn_down") != std::string::npos;
  if (!mixes || !delicate || tensor.layer < 0) return *target_;
  const int64_t eighth = layers_ / 8;
  const bool more =
      tensor.layer < eighth || tensor.layer >= layers_ - eighth || (tensor.layer - eighth) % 3 == 2;
  return more ? DType::kQ6_K : *target_;
}

DType Recipe::ForGguf(const LaidTensor& tensor) const {
  if (tensor.small) return DType::kF32;
  if (!target_) return tensor.parts.front().view.dtype;
  if (!IsQuantized(*target_)) return *target_;
  return WithSmallerBlocks(BlockType(tensor), tensor.shape[-1]);
}

DType Recipe::ForSafetensors(const LaidTensor& tensor) const {
  if (target_) return *target_;
  const DType type = tensor.parts.front().view.dtype;
  return IsQuantized(type) ? DType::kF16 : type;
}

}  // namespace hyprstream::convert
