#include "kernels/cpu/row_kernels.h"

namespace hyprstream::kernels {

const RowKernels& RowKernelsFor(Isa isa) {
  switch (isa) {
    case Isa::kAvx512:
      return Avx512RowKernels();
    case Isa::kAvx2:
      return Avx2RowKernels();
    case Isa::kScalar:
      break;
  }
  return PortableRowKernels();
}

}  // namespace hyprstream::kernels
