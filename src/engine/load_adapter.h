// Adapters made ready for a model: those named on a command line or in a request, versions of the
// store, files of any format.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
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

/// A version of a stored adapter, named "NAME@VERSION"; nothing is version 0, which acts on
/// nothing. Errors: those of adapters::StoredAdapter.
std::shared_ptr<const LoadedAdapter> LoadVersion(
    const adapters::AdapterRecord& record, const std::optional<adapters::VersionRecord>& version,
    const model::ModelConfig& config);

/// A file or folder of any format. Errors: those of adapters::OpenAdapter and StoredAdapter.
std::shared_ptr<const LoadedAdapter> LoadAdapterFile(const std::filesystem::path& path,
                                                     std::string name,
                                                     const model::ModelConfig& config);

}  // namespace hyprstream::engine
