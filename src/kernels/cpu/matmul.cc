#include "kernels/cpu/matmul.h"

namespace hyprstream::kernels {

const MatmulKernels& MatmulKernelsFor(Isa) { return internal::kMatmulScalar; }

}  // namespace hyprstream::kernels
