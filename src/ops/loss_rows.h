// One row of logits: its loss and the loss's gradient, which replaces the logits. Private to
// token_loss.
#pragma once

#include <cstdint>

#include "kernels/cpu/row_kernels.h"

namespace hyprstream::ops {

/// Logits of one row over the vocabulary; replaced by weight · ∂loss/∂logits.
struct LossRow {
  float* logits;
  int64_t vocab;
  float weight;
};

/// Each returns the row's loss without its weight.
double CrossEntropyRow(const kernels::RowKernels& kernel, const LossRow& row, int32_t label,
                       float smoothing);
double ForwardKlRow(const kernels::RowKernels& kernel, const LossRow& row, const float* teacher,
                    float temperature);
double ReverseKlRow(const kernels::RowKernels& kernel, const LossRow& row, const float* teacher,
                    float temperature);
double MeanSquareRow(const LossRow& row, const float* teacher);

}  // namespace hyprstream::ops
