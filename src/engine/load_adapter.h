// An adapter named on a command line or in a request, made ready for a model.
#pragma once

#include <string>

#include "engine/request.h"
#include "model/config.h"

namespace hyprstream::engine {

/// `reference`: a path that adapters::OpenAdapter takes, with an optional ":SCALE" (1 without).
/// Errors: kInvalidArgument for a scale that is no number, and those of adapters::OpenAdapter.
AdapterChoice OpenAdapter(const std::string& reference, const model::ModelConfig& config);

}  // namespace hyprstream::engine
