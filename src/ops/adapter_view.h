// How an adapter reaches a linear operation: as a borrowed low-rank update of its weight for a
// range of rows of the batch. The views' memory belongs to whoever keeps the adapter loaded and
// outlives the call; nothing here knows where an adapter is stored.
#pragma once

#include <cstdint>
#include <span>

namespace hyprstream::ops {

/// y += scale · B (A x). `a` is [rank, in] row-major. `b` is [rank, out] row-major: the columns of
/// B as rows, so that a component's two vectors are both contiguous.
struct LowRankView {
  const float* a = nullptr;
  const float* b = nullptr;
  int64_t rank = 0;
};

/// Rows [row_begin, row_end) of the batch get `view` with `scale`. Segments may overlap (several
/// adapters on one sequence) and act in the order given.
struct AdapterSegment {
  int64_t row_begin = 0;
  int64_t row_end = 0;
  LowRankView view;
  float scale = 1.0f;
};

}  // namespace hyprstream::ops
