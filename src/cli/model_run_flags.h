// The flags of the debug verbs that run a model, and --adapter of every verb that does.
#pragma once

#include <string>
#include <vector>

#include "cli/engine_flags.h"
#include "engine/load.h"
#include "engine/request.h"

namespace hyprstream::cli {

/// --adapter, repeatable; fills `references` with "PATH[:SCALE]".
void RegisterAdapters(CLI::App& verb, std::vector<std::string>& references);
/// Errors: those of engine::OpenAdapter.
std::vector<engine::AdapterChoice> OpenAdapters(const std::vector<std::string>& references,
                                                const model::ModelConfig& config);

struct ModelRunFlags {
  std::string model;
  std::vector<std::string> adapters;  // "PATH[:SCALE]"
  EngineFlags engine;
  bool exact = false;

  void RegisterModel(CLI::App& verb);

  ops::Arithmetic arithmetic() const {
    return exact ? ops::Arithmetic::kExact : ops::Arithmetic::kServing;
  }
};

}  // namespace hyprstream::cli
