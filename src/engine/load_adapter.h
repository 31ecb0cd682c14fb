// An adapter named on a command line or in a request, made ready for a model.
#pragma once

#include <string>

#include "adapters/store.h"
#include "engine/request.h"
#include "model/config.h"

namespace hyprstream::engine {

/// `reference`: a path that adapters::OpenAdapter takes, a grid file, or NAME or NAME@VERSION of an
/// adapter in `store` (which may be null); each with an optional ":SCALE" (1 without). A path that
/// exists comes first. Version 0 acts on nothing. Errors: kInvalidArgument for a scale that is no
/// number, kNotFound, and those of adapters::OpenAdapter and adapters::StoredAdapter.
AdapterChoice OpenAdapter(const std::string& reference, const model::ModelConfig& config,
                          adapters::AdapterStore* store = nullptr);

}  // namespace hyprstream::engine
