#include "adapters/export_peft.h"

#include "adapters/peft_text.h"
#include "base/atomic_file.h"
#include "base/new_folder.h"
#include "formats/peft.h"
#include "formats/pytorch_writer.h"

namespace hyprstream::adapters {

namespace fs = std::filesystem;

namespace {

void WriteFolder(const PeftExport& made, const fs::path& folder) {
  NewFolder target(folder);
  AtomicFile config(target.path() / formats::kPeftConfigName);
  config.Write(made.config);
  config.Commit();
  // The file carries its configuration too, for the day it is found without its folder.
  formats::WriteSafetensors(target.path() / "adapter_model.safetensors", made.Tensors(),
                            {{"format", "pt"}, {formats::kPeftConfigName, made.config}});
  target.Commit();
}

}  // namespace

void ExportPeft(const StoredAdapter& adapter, const fs::path& folder,
                const ExportOptions& options) {
  WriteFolder(MakePeftExport(adapter, options), folder);
}

void ExportPeft(const TrainableAdapter& adapter, std::span<const double> scales,
                const fs::path& folder, const ExportOptions& options) {
  WriteFolder(MakePeftExport(adapter, scales, options), folder);
}

void ExportPytorch(const StoredAdapter& adapter, const fs::path& file,
                   const ExportOptions& options) {
  const PeftExport made = MakePeftExport(adapter, options);
  RequireNothingAt(file);
  formats::WritePytorch(file, made.Tensors(), {{formats::kPeftConfigName, made.config}});
}

}  // namespace hyprstream::adapters
