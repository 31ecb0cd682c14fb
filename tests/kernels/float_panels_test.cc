// The panels give the bits of the dot form, whatever the shape.
#include "kernels/cpu/float_panels.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "kernels/cpu/isa.h"
#include "kernels/cpu/matmul.h"
#include "tensor/float16.h"
#include "tensor/tensor.h"

namespace hyprstream::kernels {
namespace {

enum class Kind { kF32, kF16, kBf16, kBf16Dot };

struct Problem {
  Kind kind;
  int64_t rows;
  int64_t outputs;
  int64_t k;
  std::vector<std::byte> weight;
  std::vector<float> x;
  std::vector<float> bias;
};

Problem MakeProblem(Kind kind, int64_t rows, int64_t outputs, int64_t k) {
  Problem p{kind, rows, outputs, k, {}, {}, {}};
  std::mt19937 random(static_cast<uint32_t>(rows * 131 + outputs * 17 + k));
  std::normal_distribution<float> normal;
  for (int64_t i = 0; i < outputs * k; ++i) {
    const float value = normal(random);
    const auto* bytes = reinterpret_cast<const std::byte*>(&value);
    const uint16_t half = kind == Kind::kF16 ? F32ToF16(value) : F32ToBF16(value);
    const auto* half_bytes = reinterpret_cast<const std::byte*>(&half);
    if (kind == Kind::kF32) {
      p.weight.insert(p.weight.end(), bytes, bytes + 4);
    } else {
      p.weight.insert(p.weight.end(), half_bytes, half_bytes + 2);
    }
  }
  for (int64_t i = 0; i < rows * k; ++i) {
    // Among them numbers below the normal ones, and the one that would round up to normal.
    p.x.push_back(i % 97 == 5 ? 1.1754942e-38f : i % 53 == 7 ? 3e-40f : normal(random));
  }
  for (int64_t i = 0; i < outputs; ++i) p.bias.push_back(normal(random));
  return p;
}

int64_t WeightStride(const Problem& p) { return p.k * (p.kind == Kind::kF32 ? 4 : 2); }

std::vector<float> DotForm(const MatmulKernels& kernels, const Problem& p, const float* bias) {
  std::vector<float> y(static_cast<size_t>(p.rows * p.outputs));
  std::vector<uint16_t> half(p.x.size());
  const bool pairs = p.kind == Kind::kBf16Dot;
  if (pairs) kernels.round_bf16(p.x.data(), p.rows * p.k, half.data());
  const FloatMatmul multiply = pairs                  ? kernels.bf16_dot
                               : p.kind == Kind::kF32 ? kernels.f32
                               : p.kind == Kind::kF16 ? kernels.f16
                                                      : kernels.bf16;
  for (int64_t m = 0; m < p.rows; ++m) {
    multiply({.weight = p.weight.data(),
              .weight_stride = WeightStride(p),
              .x = pairs ? reinterpret_cast<const std::byte*>(half.data() + m * p.k)
                         : reinterpret_cast<const std::byte*>(p.x.data() + m * p.k),
              .x_stride = 0,
              .rows = 1,
              .outputs = p.outputs,
              .k = p.k,
              .bias = bias,
              .y = y.data() + m * p.outputs,
              .y_stride = p.outputs});
  }
  return y;
}

std::vector<float> Panels(const FloatPanelKernels& kernels, const Problem& p, const float* bias) {
  const bool pairs = p.kind == Kind::kBf16Dot;
  const FloatWord word = pairs ? FloatWord::kBf16Pair : FloatWord::kF32;
  const int64_t group_bytes = FloatGroupBytes(word, p.k);
  AlignedBuffer groups(static_cast<size_t>(FloatGroups(p.rows) * group_bytes));
  AlignedBuffer scratch(static_cast<size_t>(FloatPanelScratchBytes(word, p.k)));
  std::memset(scratch.data(), 0xff, scratch.size());  // NaN, should any be read unwritten
  for (int64_t g = 0; g < FloatGroups(p.rows); ++g) {
    const int64_t begin = FloatGroupBegin(p.rows, g);
    (pairs ? kernels.pack_bf16 : kernels.pack_f32)({.x = p.x.data() + begin * p.k,
                                                    .x_stride = p.k,
                                                    .rows = FloatGroupBegin(p.rows, g + 1) - begin,
                                                    .k = p.k,
                                                    .step_begin = 0,
                                                    .step_end = FloatSteps(word, p.k),
                                                    .group = groups.data() + g * group_bytes});
  }
  const FloatPanelMatmul multiply = pairs                  ? kernels.bf16_dot
                                    : p.kind == Kind::kF32 ? kernels.f32
                                    : p.kind == Kind::kF16 ? kernels.f16
                                                           : kernels.bf16;
  std::vector<float> y(static_cast<size_t>(p.rows * p.outputs));
  multiply({.weight = p.weight.data(),
            .weight_stride = WeightStride(p),
            .groups = groups.data(),
            .rows = p.rows,
            .outputs = p.outputs,
            .k = p.k,
            .bias = bias,
            .y = y.data(),
            .y_stride = p.outputs,
            .scratch = scratch.data()});
  return y;
}

TEST(FloatPanelsTest, EveryRowHasTheBitsOfTheDotFormWithThatRowAlone) {
  const MatmulKernels& kernels = MatmulKernelsFor(SupportedIsas().back());
  if (kernels.float_panels == nullptr) GTEST_SKIP() << "no panels on this machine";
  for (const Kind kind : {Kind::kF32, Kind::kF16, Kind::kBf16, Kind::kBf16Dot}) {
    for (const int64_t rows : {13, 14, 15, 17, 19, 21, 23, 25, 27, 40, 64}) {
      for (const int64_t outputs : {1, 16, 31, 48, 130}) {
        for (const int64_t k : {1, 15, 33, 64, 257, 1024}) {
          const Problem p = MakeProblem(kind, rows, outputs, k);
          for (const float* bias : {static_cast<const float*>(nullptr), p.bias.data()}) {
            const std::vector<float> dot = DotForm(kernels, p, bias);
            const std::vector<float> panels = Panels(*kernels.float_panels, p, bias);
            ASSERT_EQ(0, std::memcmp(dot.data(), panels.data(), dot.size() * sizeof(float)))
                << "kind " << static_cast<int>(kind) << " rows " << rows << " outputs " << outputs
                << " k " << k;
          }
        }
      }
    }
  }
}

}  // namespace
}  // namespace hyprstream::kernels
