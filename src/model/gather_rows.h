// Rows of a matrix brought together.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "ops/scratch.h"
#include "tensor/tensor.h"

namespace hyprstream::model {

/// Copies the wanted rows of x: [wanted.size(), cols], in memory of `scratch`.
inline Matrix GatherRows(ops::Scratch& scratch, ConstMatrix x, std::span<const int32_t> wanted) {
  Matrix rows = scratch.AllocateMatrix(static_cast<int64_t>(wanted.size()), x.cols);
  for (size_t i = 0; i < wanted.size(); ++i) {
    std::copy_n(x.row(wanted[i]), x.cols, rows.row(static_cast<int64_t>(i)));
  }
  return rows;
}

}  // namespace hyprstream::model
