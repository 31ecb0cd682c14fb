// The portable kernels: what every machine can run, and the plainest statement of the arithmetic.
#include "kernels/cpu/matmul_float.h"
#include "kernels/cpu/matmul_packed.h"
#include "kernels/cpu/quantize.h"
#include "tensor/float16.h"

namespace hyprstream::kernels {
namespace {

struct Lanes {
  float lane[8];
};

template <class Element>
struct FloatScalar {
  using Acc = Lanes;
  using X = Lanes;
  using W = Lanes;
  static constexpr int kStep = 8;
  static constexpr int kWeightBytes = Element::kBytes;
  static constexpr int kXBytes = 4;
  static constexpr int kMaxRows = 2;

  static Acc Zero() { return {}; }
  static X LoadX(const std::byte* p) { return LoadXTail(p, 8); }
  static X LoadXTail(const std::byte* p, int64_t count) {
    X x{};
    std::memcpy(x.lane, p, static_cast<size_t>(count) * sizeof(float));
    return x;
  }
  static W LoadW(const std::byte* p) { return LoadWTail(p, 8); }
  static W LoadWTail(const std::byte* p, int64_t count) {
    W w{};
    for (int64_t i = 0; i < count; ++i) w.lane[i] = Element::Load(p + i * kWeightBytes);
    return w;
  }
  static Acc MulAdd(const Acc& acc, const W& w, const X& x) {
    Acc sum;
    for (int i = 0; i < 8; ++i) sum.lane[i] = acc.lane[i] + w.lane[i] * x.lane[i];
    return sum;
  }
  template <int NR>
  static void Fold(const Acc* acc, float* out) {
    for (int n = 0; n < NR; ++n) {
      const float* l = acc[n].lane;
      out[n] = ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
    }
  }
};

template <class T>
T Read(const std::byte* p) {
  T value;
  std::memcpy(&value, p, sizeof(value));
  return value;
}

struct F32Element {
  static constexpr int kBytes = 4;
  static float Load(const std::byte* p) { return Read<float>(p); }
};
struct F16Element {
  static constexpr int kBytes = 2;
  static float Load(const std::byte* p) { return F16ToF32(Read<uint16_t>(p)); }
};
struct Bf16Element {
  static constexpr int kBytes = 2;
  static float Load(const std::byte* p) { return BF16ToF32(Read<uint16_t>(p)); }
};

struct PackedScalar {
  static constexpr int kMaxRows = 2;

  static void WidenF16(const uint8_t* halves, float* out) {
    for (int i = 0; i < 16; ++i) {
      uint16_t bits;
      std::memcpy(&bits, halves + 2 * i, sizeof(bits));
      out[i] = F16ToF32(bits);
    }
  }
  static void Lookup(const uint8_t* table, uint8_t* codes, int count) {
    for (int i = 0; i < count; ++i) codes[i] = table[codes[i]];
  }

  template <int MR, class Format>
  static void Tile(const TileArgs& t) {
    constexpr int kGroups = Format::kSub / 4;
    for (int m = 0; m < MR; ++m) {
      const ActivationBlock& x = t.x[m * t.x_stride];
      float* acc = t.acc + m * t.acc_stride;
      for (int j = 0; j < t.blocks * 32 / Format::kSub; ++j) {
        const uint8_t* codes = t.codes + 64 * kGroups * j;
        const int8_t* q = x.q + Format::kSub * j;
        const float scale = x.scale[j * Format::kSub / 32];
        int32_t dot[16];
        for (int i = 0; i < 16; ++i) dot[i] = Format::kMinima ? 0 : t.terms[m].start[j];
        for (int g = 0; g < kGroups; ++g) {
          for (int i = 0; i < 64; ++i) dot[i / 4] += codes[64 * g + i] * q[4 * g + i % 4];
        }
        for (int i = 0; i < 16; ++i) {
          acc[i] += static_cast<float>(dot[i]) * (t.scales[16 * j + i] * scale);
          if constexpr (Format::kMinima) acc[i] += t.minima[16 * j + i] * t.terms[m].sum[j];
        }
      }
    }
  }
};

}  // namespace

const MatmulKernels internal::kMatmulScalar = {
    .f32 = RunFloatMatmul<FloatScalar<F32Element>>,
    .f16 = RunFloatMatmul<FloatScalar<F16Element>>,
    .bf16 = RunFloatMatmul<FloatScalar<Bf16Element>>,
    .bf16_dot = nullptr,
    .packed = HYPR_PACKED_MATMULS(PackedScalar),
    .round_bf16 = RoundToBf16,
    .quantize = QuantizeActivations,
    .low_rank = AddLowRank,
};

}  // namespace hyprstream::kernels
