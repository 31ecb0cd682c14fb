// The bodies of RowKernels over the Lanes of one instruction set. Included after one lanes_*.h.
#pragma once

#include <cstdint>

#include "kernels/cpu/exp_body.h"
#include "kernels/cpu/row_kernels.h"

namespace hyprstream::kernels {
namespace {

/// Calls step(i, lanes) over [0, count) in whole vectors, then once for what is left.
template <typename Step>
inline void ForVectors(int64_t count, Step step) {
  int64_t i = 0;
  for (; i + Lanes::kCount <= count; i += Lanes::kCount) step(i, Lanes::kCount);
  if (i < count) step(i, static_cast<int>(count - i));
}

inline Lanes::F LoadLanes(const float* p, int lanes) {
  return lanes == Lanes::kCount ? Lanes::Load(p) : Lanes::LoadFirst(p, lanes);
}

inline void StoreLanes(float* p, Lanes::F v, int lanes) {
  if (lanes == Lanes::kCount) {
    Lanes::Store(p, v);
  } else {
    Lanes::StoreFirst(p, v, lanes);
  }
}

/// Four running sums, so that an addition's latency does not bound the loop.
float SumOfSquares(const float* x, int64_t cols) {
  using L = Lanes;
  constexpr int64_t kStep = 4 * L::kCount;
  L::F sum[4] = {L::Set(0), L::Set(0), L::Set(0), L::Set(0)};
  int64_t i = 0;
  for (; i + kStep <= cols; i += kStep) {
    for (int k = 0; k < 4; ++k) {
      const L::F v = L::Load(x + i + k * L::kCount);
      sum[k] = L::MulAdd(v, v, sum[k]);
    }
  }
  ForVectors(cols - i, [&](int64_t j, int lanes) {
    const L::F v = LoadLanes(x + i + j, lanes);
    sum[0] = L::MulAdd(v, v, sum[0]);
  });
  return L::Sum(L::Add(L::Add(sum[0], sum[2]), L::Add(sum[1], sum[3])));
}

void RmsNormRow(const float* x, const float* weight, int64_t cols, float eps, float* y) {
  const float mean = SumOfSquares(x, cols) / static_cast<float>(cols);
  const Lanes::F inverse = Lanes::Set(1.0f / __builtin_sqrtf(mean + eps));
  ForVectors(cols, [&](int64_t i, int lanes) {
    const Lanes::F normal = Lanes::Mul(LoadLanes(x + i, lanes), inverse);
    StoreLanes(y + i, Lanes::Mul(normal, LoadLanes(weight + i, lanes)), lanes);
  });
}

void RotateRow(float* x, int64_t heads, int64_t head_dim, const float* cos, const float* sin) {
  using L = Lanes;
  const int64_t half = head_dim / 2;
  for (int64_t head = 0; head < heads; ++head) {
    float* first = x + head * head_dim;
    float* second = first + half;
    ForVectors(half, [&](int64_t i, int lanes) {
      const L::F a = LoadLanes(first + i, lanes);
      const L::F b = LoadLanes(second + i, lanes);
      const L::F c = LoadLanes(cos + i, lanes);
      const L::F s = LoadLanes(sin + i, lanes);
      StoreLanes(first + i, L::Sub(L::Mul(a, c), L::Mul(b, s)), lanes);
      StoreLanes(second + i, L::Add(L::Mul(b, c), L::Mul(a, s)), lanes);
    });
  }
}

void SwiGluRow(const float* gate, const float* up, int64_t count, float* y) {
  using L = Lanes;
  ForVectors(count, [&](int64_t i, int lanes) {
    const L::F g = LoadLanes(gate + i, lanes);
    const L::F e = Exp(L::Sub(L::Set(0.0f), g));
    const L::F silu = L::Div(g, L::Add(L::Set(1.0f), e));
    StoreLanes(y + i, L::Mul(silu, LoadLanes(up + i, lanes)), lanes);
  });
}

void AddRow(float* x, const float* delta, int64_t count) {
  ForVectors(count, [&](int64_t i, int lanes) {
    StoreLanes(x + i, Lanes::Add(LoadLanes(x + i, lanes), LoadLanes(delta + i, lanes)), lanes);
  });
}

void AddScaledRow(float* x, const float* delta, float scale, int64_t count) {
  const Lanes::F factor = Lanes::Set(scale);
  ForVectors(count, [&](int64_t i, int lanes) {
    const Lanes::F sum =
        Lanes::MulAdd(factor, LoadLanes(delta + i, lanes), LoadLanes(x + i, lanes));
    StoreLanes(x + i, sum, lanes);
  });
}

void SoftmaxRow(float* x, int64_t count) {
  using L = Lanes;
  const L::F lowest = L::Set(-__builtin_inff());
  L::F largest = lowest;
  ForVectors(count, [&](int64_t i, int lanes) {
    largest = L::Max(largest, L::Inside(LoadLanes(x + i, lanes), 0, lanes, lowest));
  });
  const L::F shift = L::Set(L::Largest(largest));
  L::F sum = L::Set(0.0f);
  ForVectors(count, [&](int64_t i, int lanes) {
    const L::F e = Exp(L::Sub(LoadLanes(x + i, lanes), shift));
    StoreLanes(x + i, e, lanes);
    sum = L::Add(sum, L::Inside(e, 0, lanes, L::Set(0.0f)));
  });
  const L::F total = L::Set(L::Sum(sum));
  ForVectors(count, [&](int64_t i, int lanes) {
    StoreLanes(x + i, L::Div(LoadLanes(x + i, lanes), total), lanes);
  });
}

void ExpRow(const float* x, int64_t count, float* y) {
  ForVectors(count,
             [&](int64_t i, int lanes) { StoreLanes(y + i, Exp(LoadLanes(x + i, lanes)), lanes); });
}

void ToBf16Row(const float* x, int64_t count, uint16_t* y) {
  ForVectors(count, [&](int64_t i, int lanes) {
    Lanes::StoreBf16First(y + i, LoadLanes(x + i, lanes), lanes);
  });
}

constexpr RowKernels kRowKernels = {
    .rms_norm = RmsNormRow,
    .rotate = RotateRow,
    .swiglu = SwiGluRow,
    .add = AddRow,
    .add_scaled = AddScaledRow,
    .softmax = SoftmaxRow,
    .exp = ExpRow,
    .to_bf16 = ToBf16Row,
};

}  // namespace
}  // namespace hyprstream::kernels
