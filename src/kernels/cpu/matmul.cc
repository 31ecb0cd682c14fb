#include "kernels/cpu/matmul.h"

namespace hyprstream::kernels {

const MatmulKernels& MatmulKernelsFor(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return internal::kMatmulAvx512;
    case Isa::kAvx2:
      return internal::kMatmulAvx2;
#endif
    default:
      return internal::kMatmulScalar;
  }
}

}  // namespace hyprstream::kernels
