#include "kernels/cpu/gemm.h"

namespace hyprstream::kernels {

const GemmKernels& GemmKernelsFor(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return internal::kGemmAvx512;
    case Isa::kAvx2:
      return internal::kGemmAvx2;
#endif
    default:
      return internal::kGemmScalar;
  }
}

}  // namespace hyprstream::kernels
