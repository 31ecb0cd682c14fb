#include "kernels/cpu/attention_kernels.h"

namespace hyprstream::kernels {

const AttentionKernels& AttentionKernelsFor(Isa isa, CacheType type) {
  switch (isa) {
    case Isa::kAvx512:
      return Avx512AttentionKernels(type);
    case Isa::kAvx2:
      return Avx2AttentionKernels(type);
    case Isa::kScalar:
      break;
  }
  return PortableAttentionKernels(type);
}

}  // namespace hyprstream::kernels
