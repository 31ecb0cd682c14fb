// Adapters under PEFT's names: a folder with adapter_config.json, or one file of tensors.
#pragma once

#include <filesystem>
#include <memory>

#include "adapters/dense_adapter.h"

namespace hyprstream::adapters {

/// Errors: those of formats::PeftAdapter::Open and DenseAdapter::Create.
std::shared_ptr<const DenseAdapter> OpenPeftFolder(const std::filesystem::path& folder,
                                                   const model::ModelConfig& config);

/// A safetensors or PyTorch file. Where no adapter_config.json lies beside it, nothing says how
/// strongly it was meant to act: it does so with scale 1, and a warning is logged. Errors: as
/// above.
std::shared_ptr<const DenseAdapter> OpenPeftFile(const std::filesystem::path& file,
                                                 const model::ModelConfig& config);

}  // namespace hyprstream::adapters
