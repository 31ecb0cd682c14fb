// Where a long operation pauses. Whoever computes beside streams of tokens gives its threads back
// between two products (Context::Pause); a product of many rows with a large weight takes longer
// than a stream should wait, so it is cut into parts that are independent anyway, or whose sums are
// in memory between them. Bits do not depend on the cuts, nor on whether there are any.
#pragma once

#include <algorithm>
#include <cstdint>

#include "ops/context.h"

namespace hyprstream::ops {

/// Multiply-adds of int8 that one thread makes in a slice: about a millisecond of a core with
/// 512-bit vectors. Shorter ones lose more to threads that wait for each other.
inline constexpr int64_t kSliceProducts = int64_t{3} << 26;

/// In how many slices to make so many products: one when nobody wants the threads back.
inline int64_t SlicesFor(const Context& context, int64_t products) {
  if (!context.pause) return 1;
  const int64_t slice = kSliceProducts * context.pool.threads();
  return std::max<int64_t>(1, (products + slice / 2) / slice);
}

}  // namespace hyprstream::ops
