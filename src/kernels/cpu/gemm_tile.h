// The register tiles of gemm.h. Included by the instruction-set files only; `V` names the vectors
// and lives in an unnamed namespace there, which keeps every instance private to its file:
//   Word               float, or uint32_t for pairs of bf16
//   Acc, B             vector types of kLanes f32 sums and of kLanes words
//   kLanes, kVectors   a tile is kLanes · kVectors columns wide, a divisor of kPanelColumns
//   kRows              most rows of a tile
//   kPacked            whether a's strides are kPanelSteps and 1 whatever the arguments say
//   Zero(), Load(pointer), Broadcast(pointer), MulAdd(acc, a, b)
//   LoadSums(pointer), StoreSums(pointer, acc), Add(acc, acc)
#pragma once

#include "kernels/cpu/gemm.h"

namespace hyprstream::kernels {

template <class V, int MR>
inline void GemmTile(const GemmArgs<typename V::Word>& g, int64_t row, int64_t column) {
  constexpr int kWidth = V::kLanes * V::kVectors;
  typename V::Acc acc[MR][V::kVectors];
  for (int m = 0; m < MR; ++m) {
    for (int n = 0; n < V::kVectors; ++n) acc[m][n] = V::Zero();
  }
  float* c = g.c + row * g.c_row + column;
  const float* addend = g.addend == nullptr ? nullptr : g.addend + row * g.addend_row + column;
  if (addend != nullptr) {
    for (int m = 0; m < MR; ++m) __builtin_prefetch(addend + m * g.addend_row);
  }
  const int64_t a_row = V::kPacked ? kPanelSteps : g.a_row;
  const int64_t a_step = V::kPacked ? 1 : g.a_step;
  const typename V::Word* a = g.a + row * a_row;
  const typename V::Word* b = g.b + column;
  for (int64_t s = 0; s < g.steps; ++s, a += a_step, b += kPanelColumns) {
    typename V::B bs[V::kVectors];
    for (int n = 0; n < V::kVectors; ++n) bs[n] = V::Load(b + V::kLanes * n);
    for (int m = 0; m < MR; ++m) {
      const typename V::B as = V::Broadcast(a + m * a_row);
      for (int n = 0; n < V::kVectors; ++n) acc[m][n] = V::MulAdd(acc[m][n], as, bs[n]);
    }
  }
  const int64_t columns = g.columns - column;
  for (int m = 0; m < MR; ++m, c += g.c_row) {
    if (columns >= kWidth) {
      for (int n = 0; n < V::kVectors; ++n) {
        const int at = V::kLanes * n;
        V::StoreSums(c + at,
                     addend == nullptr ? acc[m][n] : V::Add(V::LoadSums(addend + at), acc[m][n]));
      }
    } else {
      float sums[kWidth];
      for (int n = 0; n < V::kVectors; ++n) V::StoreSums(sums + V::kLanes * n, acc[m][n]);
      for (int64_t i = 0; i < columns; ++i)
        c[i] = addend == nullptr ? sums[i] : addend[i] + sums[i];
    }
    if (addend != nullptr) addend += g.addend_row;
  }
}

/// Tiles of MR rows while they fit, the rest in smaller ones.
template <class V, int MR>
inline void GemmRows(const GemmArgs<typename V::Word>& g, int64_t row, int64_t column) {
  for (; row + MR <= g.rows; row += MR) GemmTile<V, MR>(g, row, column);
  if constexpr (MR > 1) GemmRows<V, MR / 2>(g, row, column);
}

template <class V>
inline void RunGemm(const GemmArgs<typename V::Word>& g) {
  for (int64_t column = 0; column < g.columns; column += V::kLanes * V::kVectors) {
    GemmRows<V, V::kRows>(g, 0, column);
  }
}

/// A function template Strip<Format> for every type, in the order of DType, kQ4_0 to kIQ4_XS.
#define HYPR_GEMM_STRIPS(Strip, V)                                                                \
  {                                                                                               \
    Strip<SimpleFormat<V, 4, false, 8>>, Strip<SimpleFormat<V, 4, true, 0>>,                      \
        Strip<SimpleFormat<V, 5, false, 16>>, Strip<SimpleFormat<V, 5, true, 0>>,                 \
        Strip<SimpleFormat<V, 8, false, 128>>,                                                    \
        Strip<SimpleFormat<V, 4, false, 128, Levels::kIq4>>, Strip<Q2KFormat<V>>,                 \
        Strip<Q3KFormat<V>>, Strip<K45Format<V, 4>>, Strip<K45Format<V, 5>>, Strip<Q6KFormat<V>>, \
        Strip<Iq4XsFormat<V>>                                                                     \
  }

}  // namespace hyprstream::kernels
