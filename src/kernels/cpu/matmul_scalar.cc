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
  static constexpr int kOneRowOutputs = 2;

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
  struct Bytes {
    uint64_t word[8];
  };
  static constexpr int kMaxRows = 2;

  static Bytes Load(const uint8_t* p) {
    Bytes bytes;
    std::memcpy(bytes.word, p, sizeof(bytes.word));
    return bytes;
  }
  static void Store(uint8_t* p, const Bytes& bytes) {
    std::memcpy(p, bytes.word, sizeof(bytes.word));
  }
  static Bytes Or(Bytes a, const Bytes& b) {
    for (int i = 0; i < 8; ++i) a.word[i] |= b.word[i];
    return a;
  }
  template <int shift, int mask>
  static Bytes Field(Bytes bytes) {
    constexpr uint64_t kMask = uint64_t{0x0101010101010101} * mask;
    for (uint64_t& word : bytes.word) {
      word = (shift >= 0 ? word >> (shift >= 0 ? shift : 0) : word << (shift < 0 ? -shift : 0)) &
             kMask;
    }
    return bytes;
  }
  static Bytes Lookup(const uint8_t* table, const Bytes& index) {
    uint8_t codes[64];
    Store(codes, index);
    for (uint8_t& code : codes) code = table[code];
    return Load(codes);
  }
  static void WidenF16(const uint8_t* halves, float* out) {
    for (int i = 0; i < 16; ++i) {
      uint16_t bits;
      std::memcpy(&bits, halves + 2 * i, sizeof(bits));
      out[i] = F16ToF32(bits);
    }
  }

  struct Acc {
    float row[16];
  };
  static Acc Zero() { return {}; }
  static Acc LoadSums(const float* p) {
    Acc acc;
    std::memcpy(acc.row, p, sizeof(acc.row));
    return acc;
  }
  static void StoreSums(float* p, const Acc& acc) { std::memcpy(p, acc.row, sizeof(acc.row)); }

  template <int MR, class Format, class Source>
  static void Tile(const TileArgs& t, const Source& source, Acc* sums) {
    constexpr int kSubs = 32 / Format::kSub;
    constexpr int kGroups = 8 / kSubs;
    for (int m = 0; m < MR; ++m) {
      const ActivationBlock& x = t.x[m * t.x_stride];
      float* acc = sums[m].row;
      for (int b = 0; b < t.blocks; ++b) {
        Unroll<kSubs>([&]<int s>() {
          const int j = kSubs * b + s;
          int32_t dot[16];
          for (int32_t& d : dot) d = Format::kMinima ? 0 : t.terms[m].start[j];
          Unroll<kGroups>([&]<int i>() {
            constexpr int g = s * kGroups + i;
            uint8_t codes[64];
            Store(codes, source.template Codes<g>(b));
            const int8_t* q = x.q + 32 * b + 4 * g;
            for (int c = 0; c < 64; ++c) dot[c / 4] += codes[c] * q[c % 4];
          });
          for (int r = 0; r < 16; ++r) {
            acc[r] += static_cast<float>(dot[r]) * (t.weight->scales[16 * j + r] * x.scale[b]);
            if constexpr (Format::kMinima) {
              acc[r] += t.weight->minima[16 * j + r] * t.terms[m].sum[j];
            }
          }
        });
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
    .float_panels = nullptr,
    .packed = HYPR_PACKED_MATMULS(PackedScalar),
    .round_bf16 = RoundToBf16,
    .quantize = QuantizeActivations,
    .low_rank = AddLowRank,
};

}  // namespace hyprstream::kernels
