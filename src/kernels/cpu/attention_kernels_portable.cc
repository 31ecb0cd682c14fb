// clang-format off
#include "kernels/cpu/lanes_portable.h"
#include "kernels/cpu/attention_pages_f32.inc"
#include "kernels/cpu/attention_body.inc"
// clang-format on

namespace hyprstream::kernels {

const AttentionKernels& PortableAttentionKernels(CacheType type) {
  return type == CacheType::kBF16 ? kAttentionKernels<WidenedPages> : kAttentionKernels<F32Pages>;
}

}  // namespace hyprstream::kernels
