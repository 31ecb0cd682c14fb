#include "kernels/cpu/gradient_kernels.h"

namespace hyprstream::kernels {

const GradientKernels& GradientKernelsFor(Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      return Avx512GradientKernels();
    case Isa::kAvx2:
      return Avx2GradientKernels();
    case Isa::kScalar:
      break;
  }
  return PortableGradientKernels();
}

}  // namespace hyprstream::kernels
