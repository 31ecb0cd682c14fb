// An adapter as `ollama create` takes it: a folder with a Modelfile and the adapter's GGUF.
#pragma once

#include <filesystem>
#include <string>

#include "cli/lora_exported.h"

namespace hyprstream::cli {

/// FROM: the name of an Ollama model, else the path of the base's files. Errors: kInvalidArgument
/// for a path that no Modelfile can hold.
std::string ModelfileOf(const OpenedVersion& version);

/// Makes the folder whole or not at all. Errors: those of NewFolder and adapters::ExportGguf.
void ExportOllama(const OpenedVersion& version, const std::filesystem::path& folder);

}  // namespace hyprstream::cli
