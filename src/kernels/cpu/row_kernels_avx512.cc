// clang-format off
#include "kernels/cpu/lanes_avx512.h"
#include "kernels/cpu/row_kernels_body.inc"
// clang-format on

namespace hyprstream::kernels {

const RowKernels& Avx512RowKernels() { return kRowKernels; }

}  // namespace hyprstream::kernels
