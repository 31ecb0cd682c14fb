#include "cli/model_run_flags.h"

#include <CLI/CLI.hpp>

#include "engine/load_adapter.h"

namespace hyprstream::cli {

void ModelRunFlags::RegisterModel(CLI::App& verb) {
  verb.add_option("MODEL", model, "Path or name of a model")->required();
  verb.add_flag("--exact", exact, "Weights widened to f32, f32 arithmetic and cache");
  engine.RegisterMachine(verb);
}

void ModelRunFlags::RegisterAdapters(CLI::App& verb) {
  verb.add_option("--adapter", adapters, "Adapter folder, with an optional :SCALE (repeatable)")
      ->allow_extra_args(false)
      ->type_name("PATH[:SCALE]");
}

std::vector<engine::AdapterChoice> ModelRunFlags::OpenAdapters(
    const model::ModelConfig& config) const {
  std::vector<engine::AdapterChoice> choices;
  for (const std::string& reference : adapters) {
    choices.push_back(engine::OpenAdapter(reference, config));
  }
  return choices;
}

}  // namespace hyprstream::cli
