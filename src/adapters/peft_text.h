// What PEFT's formats share when an adapter is written: the configuration and the tensors' names.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "adapters/export_modules.h"
#include "formats/safetensors.h"

namespace hyprstream::adapters {

/// The text of adapter_config.json and the modules that it fits.
struct PeftExport {
  std::string config;
  std::vector<ExportedModule> modules;

  /// Under PEFT's names; views into `modules`.
  std::vector<formats::NamedTensor> Tensors() const;
};
/// Read back, the configuration gives exactly the adapter's scale to every module; where no alpha
/// could say it exactly, B carries it.
PeftExport MakePeftExport(const StoredAdapter& adapter, const ExportOptions& options);
/// B as it stands; the scale read back may be off by a rounding of f64. `scales` as in
/// ExportModules.
PeftExport MakePeftExport(const TrainableAdapter& adapter, std::span<const double> scales,
                          const ExportOptions& options);

}  // namespace hyprstream::adapters
