// clang-format off
#include "kernels/cpu/lanes_avx2.h"
#include "kernels/cpu/gradient_kernels_body.inc"
// clang-format on

namespace hyprstream::kernels {

const GradientKernels& Avx2GradientKernels() { return kGradientKernels; }

}  // namespace hyprstream::kernels
