// The flags of the debug verbs that run a model.
#pragma once

#include <string>
#include <vector>

#include "cli/engine_flags.h"
#include "engine/load.h"
#include "engine/request.h"

namespace hyprstream::cli {

struct ModelRunFlags {
  std::string model;
  std::vector<std::string> adapters;  // "PATH[:SCALE]"
  EngineFlags engine;
  bool exact = false;

  void RegisterModel(CLI::App& verb);
  void RegisterAdapters(CLI::App& verb);

  ops::Arithmetic arithmetic() const {
    return exact ? ops::Arithmetic::kExact : ops::Arithmetic::kServing;
  }
  /// Errors: those of OpenAdapter.
  std::vector<engine::AdapterChoice> OpenAdapters(const model::ModelConfig& config) const;
};

}  // namespace hyprstream::cli
