// The gradients of an adapter's low-rank update. Sums over rows run in the order of the rows, in
// pieces of 128, whatever the number of threads, so the same batch gives the same bits.
#pragma once

#include "ops/adapter_view.h"
#include "ops/context.h"
#include "tensor/tensor.h"

namespace hyprstream::ops {

/// For y += scale · B (A x), with x [rows, in] and dy [rows, out]:
///   z = A x, g = scale · Bᵀ dy   (per row, [rank])
///   da [rank, in]  += gᵀ x
///   db [rank, out] += (scale · z)ᵀ dy
///   dx [rows, in]  += g A
/// da, db and dx with data == nullptr are left out. f32 throughout; row i of what is added to dx
/// has the same bits whatever other rows are in the batch. The result may overlap no operand.
void LowRankGradient(Context& context, ConstMatrix x, ConstMatrix dy, const LowRankView& view,
                     float scale, Matrix da, Matrix db, Matrix dx);

}  // namespace hyprstream::ops
