// The same products by oneDNN, where it was found at configure time; prints the ratio.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "ops/context.h"

namespace hyprstream::bench {

void CompareWithOneDnn(ops::Context& context, const char* name, int64_t out, int64_t in,
                       std::span<const int64_t> rows);

/// dx [rows, in] = dy [rows, out] · W [out, in] in bf16 with f32 results, on its own threads, over
/// matrices of its own. Empty where oneDNN was not found.
std::function<void()> OneDnnInputGradient(int64_t rows, int64_t out, int64_t in);

}  // namespace hyprstream::bench
