// A stored adapter as a PEFT folder or as a PyTorch state dictionary, both f32 and exact: opened
// again they act bit for bit as before. Facts: src/peft/tuners/lora/config.py of huggingface/peft.
#pragma once

#include <filesystem>
#include <span>

#include "adapters/export_modules.h"

namespace hyprstream::adapters {

/// adapter_config.json and adapter_model.safetensors. The folder appears complete or not at all.
/// Errors: those of RequireNothingAt and ExportModules; kIo.
void ExportPeft(const StoredAdapter& adapter, const std::filesystem::path& folder,
                const ExportOptions& options);
/// One in training, with B as it stands; `scales` as in ExportModules.
void ExportPeft(const TrainableAdapter& adapter, std::span<const double> scales,
                const std::filesystem::path& folder, const ExportOptions& options);

/// One file that torch.load reads with weights_only=True: the same tensors under the same names.
/// The configuration lies inside the archive, where only we look for it. Errors: as above.
void ExportPytorch(const StoredAdapter& adapter, const std::filesystem::path& file,
                   const ExportOptions& options);

}  // namespace hyprstream::adapters
