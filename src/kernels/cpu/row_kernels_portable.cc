// clang-format off
#include "kernels/cpu/lanes_portable.h"
#include "kernels/cpu/row_kernels_body.inc"
// clang-format on

namespace hyprstream::kernels {

const RowKernels& PortableRowKernels() { return kRowKernels; }

}  // namespace hyprstream::kernels
