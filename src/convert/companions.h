// The small files beside a model's weights.
#pragma once

#include <filesystem>
#include <string>

#include "formats/model_files.h"
#include "model/config.h"
#include "tensor/dtype.h"

namespace hyprstream::convert {

/// Copies what lies beside safetensors weights: configuration, tokenizer, templates, licences.
/// Weights of any format and indexes of shards stay behind, and so does what is too large to be one
/// of those. Errors: kIo.
void CopyCompanions(const formats::ModelFiles& files, const std::filesystem::path& folder);

/// A text of config.json that names `type` as the weights', as far as it names one: others round
/// weights to it when they load them.
std::string ConfigWithType(const std::string& config_json, DType type);

/// Writes config.json, generation_config.json, tokenizer.json and tokenizer_config.json for a model
/// that was GGUF. `type`: of most weights. Errors: kUnsupported for what they cannot say.
void WriteCompanions(const formats::GgufFile& file, const model::ModelConfig& config, DType type,
                     const std::filesystem::path& folder);

}  // namespace hyprstream::convert
