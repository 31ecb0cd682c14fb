// Float weights, in the dot form: each output element owns one vector of partial sums, lane l
// adding k = l, l + lanes, …; at the end the lanes are folded in a fixed tree. A register tile of
// MR rows of x and NR rows of W shares loads, and tiles of every size do the same arithmetic per
// element. Included by the instruction-set files only. `V` names the vectors and lives in an
// unnamed namespace there, which keeps every instance private to its file:
//   Acc, X, W            vector types
//   kStep                elements of k in one step
//   kWeightBytes, kXBytes  bytes of an element
//   kMaxRows             largest MR
//   kOneRowOutputs       NR for a single row: enough to hide the latency of MulAdd
//   LoadW, LoadX (pointer), LoadWTail, LoadXTail (pointer, count)
//   MulAdd(acc, w, x), Fold<NR>(acc[NR], out[NR])
#pragma once

#include "kernels/cpu/matmul.h"

namespace hyprstream::kernels {

template <class V, int MR, int NR>
inline void FloatTile(const FloatMatmulArgs& a, int64_t row, int64_t output) {
  // The next tile; or, where rows are taken one by one, a little further in the only stream.
  const int64_t ahead = NR > 1 ? NR * a.weight_stride : 2048;
  const std::byte* x = a.x + row * a.x_stride;
  const std::byte* w = a.weight + output * a.weight_stride;
  typename V::Acc acc[MR][NR];
  for (int m = 0; m < MR; ++m) {
    for (int n = 0; n < NR; ++n) acc[m][n] = V::Zero();
  }
  int64_t k = 0;
  for (; k + V::kStep <= a.k; k += V::kStep) {
    typename V::X xs[MR];
    for (int m = 0; m < MR; ++m) xs[m] = V::LoadX(x + m * a.x_stride + k * V::kXBytes);
    for (int n = 0; n < NR; ++n) {
      const std::byte* p = w + n * a.weight_stride + k * V::kWeightBytes;
      __builtin_prefetch(p + ahead);
      const typename V::W ws = V::LoadW(p);
      for (int m = 0; m < MR; ++m) acc[m][n] = V::MulAdd(acc[m][n], ws, xs[m]);
    }
  }
  if (k < a.k) {
    const int64_t left = a.k - k;
    for (int n = 0; n < NR; ++n) {
      const auto ws = V::LoadWTail(w + n * a.weight_stride + k * V::kWeightBytes, left);
      for (int m = 0; m < MR; ++m) {
        const auto xs = V::LoadXTail(x + m * a.x_stride + k * V::kXBytes, left);
        acc[m][n] = V::MulAdd(acc[m][n], ws, xs);
      }
    }
  }
  for (int m = 0; m < MR; ++m) {
    float sums[NR];
    V::template Fold<NR>(acc[m], sums);
    float* y = a.y + (row + m) * a.y_stride + output;
    for (int n = 0; n < NR; ++n) y[n] = a.bias == nullptr ? sums[n] : sums[n] + a.bias[output + n];
  }
}

/// Tiles of MR rows while they fit, the rest in smaller ones.
template <class V, int MR, int NR>
inline void FloatRows(const FloatMatmulArgs& a, int64_t row, int64_t end, int64_t output) {
  for (; row + MR <= end; row += MR) FloatTile<V, MR, NR>(a, row, output);
  if constexpr (MR > 1) FloatRows<V, (MR > 4 ? 4 : MR / 2), NR>(a, row, end, output);
}

template <class V, int NR>
inline void FloatBlock(const FloatMatmulArgs& a, int64_t begin, int64_t end) {
  int64_t output = 0;
  for (; output + NR <= a.outputs; output += NR) {
    FloatRows<V, V::kMaxRows, NR>(a, begin, end, output);
  }
  for (; output < a.outputs; ++output) FloatRows<V, V::kMaxRows, 1>(a, begin, end, output);
}

template <class V>
inline void RunFloatMatmul(const FloatMatmulArgs& a) {
  // One row: the weights come from memory, fastest as one stream. With more rows the narrow tile's
  // few chains of sums would wait for their own latency (8 rows of bf16: 92 against 158 GFLOP/s).
  if (a.rows == 1) return FloatBlock<V, V::kOneRowOutputs>(a, 0, 1);
  // Rows of x that stay in the L2 cache while all of W passes by.
  constexpr int64_t kBlockBytes = int64_t{256} << 10;
  const int64_t fitting = kBlockBytes / (a.k * V::kXBytes + 1);
  const int64_t block = (fitting / V::kMaxRows + 1) * V::kMaxRows;
  for (int64_t begin = 0; begin < a.rows; begin += block) {
    FloatBlock<V, 4>(a, begin, begin + block < a.rows ? begin + block : a.rows);
  }
}

}  // namespace hyprstream::kernels
