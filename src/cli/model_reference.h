// What MODEL means on the command line: a path, or the name of a model in one of the folders where
// models are looked for. References to hubs are recognised and refused: this build reads local
// files.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace hyprstream::cli {

/// The folders searched for a bare name, in order: $HYPRSTREAM_MODELS, `models` beside the
/// program's source, share/hyprstream/models of the installation. Only those that exist.
std::vector<std::filesystem::path> ModelFolders();

/// Errors: kNotFound naming what was searched and the models there are; kUnsupported for hf://,
/// ollama:// and hf.co/ references; kInvalidArgument for names with "..", empty parts, control
/// characters or a backslash.
std::filesystem::path ResolveModel(const std::string& reference);

/// What is in the folders: directories with a config.json or a GGUF file, and GGUF files.
std::vector<std::filesystem::path> LocalModels();

}  // namespace hyprstream::cli
