#include "kernels/cpu/limits_body.h"

namespace hyprstream::kernels {
namespace {

struct Read {
  using Vector = unsigned long;
  static constexpr int kBytes = 8;
  static Vector Zero() { return 0; }
  static Vector LoadAdd(Vector acc, const char* p) {
    return acc + *reinterpret_cast<const unsigned long*>(p);
  }
  static float Sum(Vector v) { return static_cast<float>(v); }
};

struct MultiplyAdd {
  using Vector = float;
  static constexpr int kOperations = 2;
  static Vector Start(int i) { return 1e-3f * static_cast<float>(i); }
  static Vector Apply(Vector acc, Vector a, Vector b) { return acc + a * b; }
  static float Sum(Vector v) { return v; }
};

}  // namespace

const LimitKernels internal::kLimitsScalar = {
    .read = ReadLoop<Read>,
    .f32 = MakeLoop<MultiplyAdd, 8>(),
    .bf16 = {},
    .int8 = {},
};

}  // namespace hyprstream::kernels
