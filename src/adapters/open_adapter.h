// The one way in for adapters from a disk, whatever their format.
#pragma once

#include <filesystem>
#include <memory>

#include "adapters/dense_adapter.h"

namespace hyprstream::adapters {

/// `path`: a PEFT folder, or a file that is found out by its content: GGUF adapter, safetensors or
/// PyTorch file with PEFT's names. Errors: kNotFound; those of the format's reader.
std::shared_ptr<const DenseAdapter> OpenAdapter(const std::filesystem::path& path,
                                                const model::ModelConfig& config);

}  // namespace hyprstream::adapters
