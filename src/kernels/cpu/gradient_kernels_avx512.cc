// clang-format off
#include "kernels/cpu/lanes_avx512.h"
#include "kernels/cpu/gradient_kernels_body.inc"
// clang-format on

namespace hyprstream::kernels {

const GradientKernels& Avx512GradientKernels() { return kGradientKernels; }

}  // namespace hyprstream::kernels
