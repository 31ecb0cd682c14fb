// What MODEL means on the command line: a path, the name of a model in one of the folders where
// models are looked for, or a model of a registry that has been fetched (`pull`). Nothing is
// fetched here.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/records.h"

namespace hyprstream::cli {

/// The folders searched for a bare name, in order: $HYPRSTREAM_MODELS, `models` beside the
/// program's source, share/hyprstream/models of the installation. Only those that exist.
std::vector<std::filesystem::path> ModelFolders();

struct FoundModel {
  std::filesystem::path path;  // folder or file, as ModelFiles::Open takes it
  std::string name;            // what it is called where nobody gives a name
  std::string reference;       // means the same model from any folder, in a later process too
  std::optional<registry::ModelRecord> record = {};  // of a model in the store
};

/// Errors: kNotFound naming what was searched and the models there are, or for a model of a
/// registry how to fetch it; kInvalidArgument for names with "..", empty parts, control characters
/// or a backslash, and for a name that several models have.
FoundModel FindModel(const std::string& reference);
/// Its path.
std::filesystem::path ResolveModel(const std::string& reference);

/// What is in the folders: directories with a config.json or a GGUF file, and GGUF files.
std::vector<std::filesystem::path> LocalModels();

}  // namespace hyprstream::cli
