// AVX2 with FMA: f32 only.
#include <immintrin.h>

#include "kernels/cpu/gemm_strips_f32.inc"

namespace hyprstream::kernels {
namespace {

struct EightLanes {
  using Word = float;
  using Acc = __m256;
  using B = __m256;
  static constexpr int kLanes = 8;
  static constexpr int kVectors = 2;
  static constexpr int kRows = 6;
  static constexpr bool kPacked = false;

  static Acc Zero() { return _mm256_setzero_ps(); }
  static B Load(const float* p) { return _mm256_loadu_ps(p); }
  static B Broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  static Acc MulAdd(Acc acc, B a, B b) { return _mm256_fmadd_ps(a, b, acc); }
  static Acc LoadSums(const float* p) { return _mm256_loadu_ps(p); }
  static void StoreSums(float* p, Acc v) { _mm256_storeu_ps(p, v); }
  static Acc Add(Acc a, Acc b) { return _mm256_add_ps(a, b); }
};

}  // namespace

const GemmKernels internal::kGemmAvx2 = {
    .f32 = RunGemm<EightLanes>,
    .bf16 = nullptr,
    .round_bf16 = nullptr,
    .pair_f32 = nullptr,
    .pair_bf16 = nullptr,
    .strip_bf16 = {},
    .strip_f32 = HYPR_GEMM_STRIPS(WidenStripF32, StripBytes),
};

}  // namespace hyprstream::kernels
