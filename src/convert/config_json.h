// config.json and generation_config.json as transformers reads them, of a model that was GGUF.
#pragma once

#include <string>
#include <string_view>

#include "formats/gguf.h"
#include "model/config.h"
#include "tensor/dtype.h"

namespace hyprstream::convert {

/// "bfloat16", "float16" or "float32".
std::string_view TorchName(DType type);

/// `type`: of most weights. Errors: kUnsupported when rope_freqs.weight holds factors that no
/// scaling of rotations known to transformers gives.
std::string ConfigJson(const formats::GgufFile& file, const model::ModelConfig& config, DType type);

std::string GenerationConfigJson(const model::ModelConfig& config);

}  // namespace hyprstream::convert
