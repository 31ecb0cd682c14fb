// All metadata of a GGUF file that a safetensors model is written to: architecture, tokenizer, chat
// template, and what the file is called. One thread.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "formats/gguf_writer.h"
#include "formats/model_files.h"
#include "model/config.h"

namespace hyprstream::convert {

/// `file` gives the name. Errors: kUnsupported for what GGUF cannot say; those of the tokenizer's
/// file.
std::vector<std::pair<std::string, formats::GgufField>> GgufMetadataOf(
    const formats::ModelFiles& base, const model::ModelConfig& config,
    std::span<const formats::StreamedTensor> tensors, const std::filesystem::path& file);

}  // namespace hyprstream::convert
