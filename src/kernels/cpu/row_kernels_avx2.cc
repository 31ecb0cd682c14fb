// clang-format off
#include "kernels/cpu/lanes_avx2.h"
#include "kernels/cpu/row_kernels_body.inc"
// clang-format on

namespace hyprstream::kernels {

const RowKernels& Avx2RowKernels() { return kRowKernels; }

}  // namespace hyprstream::kernels
