// clang-format off
#include "kernels/cpu/lanes_portable.h"
#include "kernels/cpu/gradient_kernels_body.inc"
// clang-format on

namespace hyprstream::kernels {

const GradientKernels& PortableGradientKernels() { return kGradientKernels; }

}  // namespace hyprstream::kernels
