// The baseline: four lanes in the compiler's own vector type; multiply-add rounds twice.
#include "kernels/cpu/gemm_strips_f32.inc"

namespace hyprstream::kernels {
namespace {

struct FourLanes {
  using Word = float;
  using Acc = float __attribute__((vector_size(16)));
  using B = Acc;
  static constexpr int kLanes = 4;
  static constexpr int kVectors = 2;
  static constexpr int kRows = 4;
  static constexpr bool kPacked = false;

  static Acc Zero() { return Acc{}; }
  static B Load(const float* p) {
    B v;
    std::memcpy(&v, p, sizeof(v));
    return v;
  }
  static B Broadcast(const float* p) { return B{*p, *p, *p, *p}; }
  static Acc MulAdd(Acc acc, B a, B b) { return acc + a * b; }
  static Acc LoadSums(const float* p) { return Load(p); }
  static void StoreSums(float* p, Acc v) { std::memcpy(p, &v, sizeof(v)); }
  static Acc Add(Acc a, Acc b) { return a + b; }
};

}  // namespace

const GemmKernels internal::kGemmScalar = {
    .f32 = RunGemm<FourLanes>,
    .bf16 = nullptr,
    .round_bf16 = nullptr,
    .pair_f32 = nullptr,
    .pair_bf16 = nullptr,
    .strip_bf16 = {},
    .strip_f32 = HYPR_GEMM_STRIPS(WidenStripF32, StripBytes),
};

}  // namespace hyprstream::kernels
