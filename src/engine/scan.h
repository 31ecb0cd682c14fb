// Looks for numbers that no model can have: NaN and infinity.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/progress.h"
#include "formats/model_files.h"

namespace hyprstream::engine {

/// Every float and every quantised block of every tensor. Returns how many numbers were looked at.
/// Pages of the files are given back to the system as it goes on.
/// Errors: kDataLoss naming the tensor and the element.
uint64_t RequireFinite(const formats::ModelFiles& files, const ProgressListener& progress);

/// Errors: kDataLoss naming `what` and the element.
void RequireFinite(std::span<const float> values, std::string_view what);

}  // namespace hyprstream::engine
