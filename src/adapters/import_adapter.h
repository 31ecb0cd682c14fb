// An adapter from a file of any format, entered into the store with one promoted version.
#pragma once

#include <filesystem>
#include <string>

#include "adapters/store.h"
#include "model/config.h"

namespace hyprstream::adapters {

struct ImportOptions {
  std::string name;
  std::string base_model;  // as the store shows it
  std::string base_fingerprint;
};

/// `path`: a grid file of ours, whose content becomes the version as it is, or whatever OpenAdapter
/// takes, which becomes kind lora in f32 and acts bit for bit as the file does. Nothing is entered
/// when anything fails. Errors: those of OpenAdapter, StoredAdapter::Open and
/// AdapterStore::Create; kFailedPrecondition for a grid file that belongs to another base.
AdapterRecord ImportAdapter(AdapterStore& store, const std::filesystem::path& path,
                            const model::ModelConfig& config, const ImportOptions& options);

}  // namespace hyprstream::adapters
