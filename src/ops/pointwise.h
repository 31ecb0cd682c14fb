// Operations on each element or each row alone.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"
#include "tensor/tensor.h"

namespace hyprstream::ops {

/// y = silu(gate) ∘ up, silu(z) = z / (1 + e^−z) (SwiGLU, Shazeer 2020). All [rows, cols]; y may be
/// the memory of gate or up.
void SwiGlu(Context& context, ConstMatrix gate, ConstMatrix up, Matrix y);

/// x += delta, both [rows, cols].
void AddInPlace(Context& context, Matrix x, ConstMatrix delta);

/// x[row] += scale[i] · delta[i] for the rows named (MoE: experts' results back to their tokens).
void ScatterAdd(Context& context, Matrix x, ConstMatrix delta, std::span<const int32_t> rows,
                std::span<const float> scale);

/// out[i] = row ids[i] of table [vocab, cols], of any computable type, widened to f32 exactly.
/// Every id must be below the number of rows.
void EmbeddingLookup(Context& context, const TensorView& table, std::span<const int32_t> ids,
                     Matrix out);

/// Each row becomes its softmax, in f32. x: [rows, cols].
void SoftmaxRows(Context& context, Matrix x);

struct TopK {
  int32_t index;
  float value;
};
/// The k largest of `values`, largest first; equal values: the lower index first.
void SelectTopK(std::span<const float> values, std::span<TopK> out);

}  // namespace hyprstream::ops
