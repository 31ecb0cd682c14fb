// The same products by oneDNN, where it was found at configure time; prints the ratio.
#pragma once

#include <cstdint>
#include <span>

#include "ops/context.h"

namespace hyprstream::bench {

void CompareWithOneDnn(ops::Context& context, const char* name, int64_t out, int64_t in,
                       std::span<const int64_t> rows);

}  // namespace hyprstream::bench
