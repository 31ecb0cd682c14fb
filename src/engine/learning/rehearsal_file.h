// What a base model must not forget, drawn once and kept: every learner of the same model replays
// and judges by the same samples. One thread.
#pragma once

#include <filesystem>
#include <functional>
#include <string_view>
#include <vector>

#include "training/sample.h"

namespace hyprstream::engine {

using DrawSamples = std::function<std::vector<training::Sample>()>;

/// The samples of `path` when it holds those of `key` (the model and how they were drawn); else
/// draws them and writes the file, complete or not at all. A file that cannot be written is only
/// logged. Errors: those of `draw`.
std::vector<training::Sample> ReadOrDraw(const std::filesystem::path& path, std::string_view key,
                                         const DrawSamples& draw);

}  // namespace hyprstream::engine
