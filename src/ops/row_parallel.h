// Splits independent rows over the threads, or keeps them on the calling thread when waking the
// others would take longer than the work.
#pragma once

#include <cstdint>

#include "ops/context.h"

namespace hyprstream::ops {

/// A parallel region costs about 2 µs; this many simple element operations take as long.
inline constexpr int64_t kParallelElements = 16384;

/// Calls body(begin, end) on parts of [0, rows) that cover it; a row costs `row_elements`.
template <typename Body>
void ForRows(Context& context, int64_t rows, int64_t row_elements, Body&& body) {
  if (rows * row_elements < kParallelElements) {
    if (rows > 0) body(int64_t{0}, rows);
    return;
  }
  context.pool.ParallelFor(rows, 1, [&](int64_t begin, int64_t end, int) { body(begin, end); });
}

}  // namespace hyprstream::ops
