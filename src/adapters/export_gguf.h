// A stored adapter as llama.cpp's converter writes one: a GGUF file of general.type "adapter". The
// format has one alpha for all modules, so all get the largest rank, the missing ranks zeros, which
// our reader drops again. Facts: src/llama-adapter.cpp and convert_lora_to_gguf.py of llama.cpp.
#pragma once

#include <filesystem>

#include "adapters/export_modules.h"
#include "model/config.h"

namespace hyprstream::adapters {

/// Tensors are f32; rows of B of q and k in the order that Llama's architecture has in GGUF;
/// experts stacked. Errors: those of RequireNothingAt and ExportModules; kIo.
void ExportGguf(const StoredAdapter& adapter, const model::ModelConfig& config,
                const std::filesystem::path& file, const ExportOptions& options);

}  // namespace hyprstream::adapters
