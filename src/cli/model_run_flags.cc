#include "cli/model_run_flags.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <optional>

#include "cli/data_home.h"
#include "engine/load_adapter.h"

namespace hyprstream::cli {

void RegisterAdapters(CLI::App& verb, std::vector<std::string>& references) {
  verb.add_option(
          "--adapter", references,
          "Name of a stored adapter (NAME or NAME@VERSION), a PEFT folder, or a safetensors, "
          "GGUF, PyTorch or grid file; :SCALE is optional (repeatable)")
      ->allow_extra_args(false)
      ->type_name("NAME|PATH[:SCALE]");
}

std::vector<engine::AdapterChoice> OpenAdapters(const std::vector<std::string>& references,
                                                const model::ModelConfig& config) {
  std::vector<engine::AdapterChoice> choices;
  if (references.empty()) return choices;
  // A catalogue is only made by those who store something in it.
  std::optional<adapters::AdapterStore> store;
  if (std::filesystem::exists(DataHome() / "catalog.db")) store.emplace(DataHome());
  for (const std::string& reference : references) {
    choices.push_back(engine::OpenAdapter(reference, config, store ? &*store : nullptr));
  }
  return choices;
}

void ModelRunFlags::RegisterModel(CLI::App& verb) {
  verb.add_option("MODEL", model, "Path or name of a model")->required();
  verb.add_flag("--exact", exact, "Weights widened to f32, f32 arithmetic and cache");
  engine.RegisterMachine(verb);
}

}  // namespace hyprstream::cli
