// What comes with a model that was found: the layers of an Ollama model, wherever it lies.
#pragma once

#include "cli/model_reference.h"
#include "cli/sampling_flags.h"
#include "cli/settings.h"
#include "engine/model_package.h"

namespace hyprstream::cli {

/// Empty for other models. Errors: those of registry::OpenStoredOllama and FindInOllama.
engine::ModelPackage PackageOf(const FoundModel& found);

/// Prompts and defaults of a model that was just opened. Errors: those of engine::ReadParameters.
engine::PackageParameters ApplyPackage(const engine::ModelPackage& package,
                                       engine::LoadedModel& loaded);

/// What neither flags nor settings say, the package may.
void AddParameters(const engine::PackageParameters& parameters, const SamplingFlags& flags,
                   const Settings& settings, engine::GenerationRequest& request);

/// The longest sequence, where neither flags nor settings say one (0) but the package does: as much
/// of that as the model has.
int64_t ContextOf(const engine::PackageParameters& parameters, const engine::LoadedModel& loaded,
                  int64_t asked);

}  // namespace hyprstream::cli
