// clang-format off
#include "kernels/cpu/lanes_avx512.h"
#include "kernels/cpu/attention_pages_bf16.inc"
#include "kernels/cpu/attention_pages_f32.inc"
#include "kernels/cpu/attention_body.inc"
// clang-format on

namespace hyprstream::kernels {

const AttentionKernels& Avx512AttentionKernels(CacheType type) {
  return type == CacheType::kBF16 ? kAttentionKernels<DotPages> : kAttentionKernels<F32Pages>;
}

}  // namespace hyprstream::kernels
