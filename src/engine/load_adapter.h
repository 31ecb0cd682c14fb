// An adapter named on a command line or in a request, made ready for a model.
#pragma once

#include <string>

#include "engine/request.h"
#include "model/config.h"

namespace hyprstream::engine {

/// `reference`: the path of a PEFT folder, with an optional ":SCALE" (1 without).
/// Errors: kNotFound, kInvalidArgument for a scale that is no number, and those of
/// adapters::DenseAdapter::LoadPeft.
AdapterChoice OpenAdapter(const std::string& reference, const model::ModelConfig& config);

}  // namespace hyprstream::engine
