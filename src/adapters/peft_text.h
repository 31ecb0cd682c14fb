// What PEFT's formats share when an adapter is written: the configuration and the tensors' names.
#pragma once

#include <string>
#include <vector>

#include "adapters/export_modules.h"
#include "formats/safetensors.h"

namespace hyprstream::adapters {

/// The text of adapter_config.json and the modules that it fits. Read back, the configuration gives
/// exactly the adapter's scale to every module; where no alpha could say it exactly, B carries it.
struct PeftExport {
  std::string config;
  std::vector<ExportedModule> modules;

  /// Under PEFT's names; views into `modules`.
  std::vector<formats::NamedTensor> Tensors() const;
};
PeftExport MakePeftExport(const StoredAdapter& adapter, const ExportOptions& options);

}  // namespace hyprstream::adapters
