// The loops of limits.h over the vectors `V` of one instruction set. Included by the
// instruction-set files only; V lives in their unnamed namespace:
//   Vector, Zero(), Sum(Vector), LoadAdd(acc, pointer), kBytes
// and for the arithmetic an Op with Vector, Start(int), Apply(acc, a, b), kOperations.
#pragma once

#include "kernels/cpu/limits.h"

namespace hyprstream::kernels {

// Four pages apart, so that several of the hardware's prefetch streams run at once.
template <class V>
float ReadLoop(const void* begin, long bytes) {
  constexpr int kStreams = 4;
  const long stream = bytes / kStreams;
  typename V::Vector acc[kStreams];
  for (auto& a : acc) a = V::Zero();
  for (long offset = 0; offset < stream; offset += V::kBytes) {
    for (int s = 0; s < kStreams; ++s) {
      acc[s] = V::LoadAdd(acc[s], static_cast<const char*>(begin) + s * stream + offset);
    }
  }
  float total = 0;
  for (const auto& a : acc) total += V::Sum(a);
  return total;
}

/// Enough independent chains to hide the latency, few enough for the registers.
template <class Op, int kChains>
float ArithmeticLoop(long rounds) {
  typename Op::Vector acc[kChains];
  for (int c = 0; c < kChains; ++c) acc[c] = Op::Start(c);
  auto a = Op::Start(1);
  auto b = Op::Start(2);
  for (long round = 0; round < rounds; ++round) {
    // For all the compiler knows, the operands change: it cannot fold rounds together.
    asm volatile("" : "+v"(a), "+v"(b));
    for (int c = 0; c < kChains; ++c) acc[c] = Op::Apply(acc[c], a, b);
  }
  float total = 0;
  for (int c = 0; c < kChains; ++c) total += Op::Sum(acc[c]);
  return total;
}

template <class Op, int kChains>
constexpr LimitKernels::Loop MakeLoop() {
  return {ArithmeticLoop<Op, kChains>, static_cast<double>(Op::kOperations) * kChains};
}

}  // namespace hyprstream::kernels
