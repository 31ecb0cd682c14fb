// Which type each tensor of a converted model gets.
#pragma once

#include <optional>
#include <string_view>

#include "convert/layout.h"

namespace hyprstream::convert {

/// "q8_0", "q4_0", "q5_0", "q4_k", "q5_k", "q6_k", "f16", "bf16" or "f32", in either case.
/// Errors: kUsage.
DType ParseTargetType(std::string_view name);

/// What the tensors of one model are written as.
class Recipe {
 public:
  /// No target: every tensor keeps its type.
  Recipe(std::optional<DType> target, int64_t layers, bool has_head)
      : target_(target), layers_(layers), has_head_(has_head) {}

  /// For GGUF. Small tensors are F32. With a block type as the target: the matrix that makes logits
  /// is at least Q6_K (a tied embedding is that matrix); with Q4_K and Q5_K half of the layers have
  /// their v and down matrices in Q6_K: the first eighth, the last eighth, and every third between,
  /// as in llama.cpp's Q4_K_M. Rows that are not whole blocks of 256 take blocks of 32: Q5_0 for
  /// Q4_K, Q5_1 for Q5_K, Q8_0 for Q6_K; rows that are not whole blocks of 32 take F16.
  DType ForGguf(const LaidTensor& tensor) const;

  /// For safetensors: the target; without one a plain type stays and blocks become F16.
  DType ForSafetensors(const LaidTensor& tensor) const;

 private:
  DType BlockType(const LaidTensor& tensor) const;

  std::optional<DType> target_;
  int64_t layers_;
  bool has_head_;
};

/// llama.cpp's number for a file of which most weights are `type`; `target` when it names a mix.
uint32_t GgufFileType(DType type);

}  // namespace hyprstream::convert
