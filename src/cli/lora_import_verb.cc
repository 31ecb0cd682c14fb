// `lora import`: an adapter from a file or folder of any format.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <filesystem>
#include <memory>

#include "adapters/import_adapter.h"
#include "cli/document.h"
#include "cli/lora_import.h"
#include "cli/lora_verbs.h"
#include "cli/model_reference.h"
#include "engine/load.h"

namespace hyprstream::cli {
namespace {

namespace fs = std::filesystem;

struct ImportFlags {
  std::string path;
  std::string name;
  std::string base_model;
  std::string format = "table";
};

/// "village" for village.safetensors, village-peft/ and the like.
std::string NameOf(const ImportFlags& flags) {
  if (!flags.name.empty()) return flags.name;
  const fs::path path(flags.path);
  std::error_code ignored;
  const std::string name = engine::ModelNameOf(path);
  return fs::is_directory(path, ignored) ? name : fs::path(name).stem().string();
}

int Import(Shell& shell, const ImportFlags& flags) {
  const Format format = ParseFormat(flags.format);
  const adapters::AdapterRecord record =
      ImportAdapterFile(flags.path, NameOf(flags), flags.base_model);
  shell.out.Write(Render(AdapterDocument(record), format));
  return 0;
}

}  // namespace

adapters::AdapterRecord ImportAdapterFile(const fs::path& path, const std::string& name,
                                          const std::string& base_model) {
  adapters::CheckAdapterName(name);
  engine::Compute compute(1);
  const engine::LoadedModel base =
      engine::OpenModel(ResolveModel(base_model), compute, engine::TokenizerNeed::kNone, {});
  adapters::AdapterStore store = OpenStore();
  return ImportAdapter(store, path, base.model->config(),
                       {.name = name,
                        .base_model = LastingReference(base_model),
                        .base_fingerprint = base.model->fingerprint()});
}

void AddLoraImportVerb(CLI::App& lora, Shell& shell) {
  const auto flags = std::make_shared<ImportFlags>();
  CLI::App& verb = AddVerb(lora, shell, "import", "An adapter from a file; the format is found out",
                           "hyprstream lora import village-peft --base-model willowbrook",
                           [&shell, flags] { return Import(shell, *flags); });
  verb.add_option("PATH", flags->path,
                  "A PEFT folder, or a safetensors, GGUF, PyTorch or grid file")
      ->required();
  verb.add_option("--name", flags->name, "Its name here (default: the file's)");
  verb.add_option("--base-model", flags->base_model, "Path or name of its base")->required();
  verb.add_option("--format", flags->format, "table, json or yaml");
}

}  // namespace hyprstream::cli
