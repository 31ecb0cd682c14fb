#include "cli/model_run_flags.h"

#include <CLI/CLI.hpp>

#include "engine/load_adapter.h"

namespace hyprstream::cli {

void RegisterAdapters(CLI::App& verb, std::vector<std::string>& references) {
  verb.add_option("--adapter", references,
                  "A PEFT folder, or a safetensors, GGUF or PyTorch file of an adapter; :SCALE is "
                  "optional (repeatable)")
      ->allow_extra_args(false)
      ->type_name("PATH[:SCALE]");
}

std::vector<engine::AdapterChoice> OpenAdapters(const std::vector<std::string>& references,
                                                const model::ModelConfig& config) {
  std::vector<engine::AdapterChoice> choices;
  for (const std::string& reference : references) {
    choices.push_back(engine::OpenAdapter(reference, config));
  }
  return choices;
}

void ModelRunFlags::RegisterModel(CLI::App& verb) {
  verb.add_option("MODEL", model, "Path or name of a model")->required();
  verb.add_flag("--exact", exact, "Weights widened to f32, f32 arithmetic and cache");
  engine.RegisterMachine(verb);
}

}  // namespace hyprstream::cli
