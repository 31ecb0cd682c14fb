// An adapter's file or folder becomes an adapter of this machine, on top of its base.
#pragma once

#include <filesystem>
#include <string>

#include "adapters/store.h"

namespace hyprstream::cli {

/// `base_model`: what a user may call it. Errors: those of ResolveModel, OpenModel and
/// ImportAdapter; kInvalidArgument for the name, kAlreadyExists when it is taken.
adapters::AdapterRecord ImportAdapterFile(const std::filesystem::path& path,
                                          const std::string& name, const std::string& base_model);

}  // namespace hyprstream::cli
