// An Ollama model on this machine, in the store of a local Ollama or in ours: where its weights are
// and what its other layers say. Those of a local Ollama are read where they lie; nothing of it is
// changed. Any thread.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "registry/ollama_manifest.h"
#include "registry/ollama_settings.h"
#include "registry/reference.h"

namespace hyprstream::registry {

struct OllamaModel {
  std::filesystem::path weights;                // GGUF
  std::vector<std::filesystem::path> adapters;  // GGUF, applied together
  std::string system;                           // empty: none
  std::string go_template;
  std::string params_json;    // an object of Modelfile parameters
  std::string messages_json;  // an array of {role, content}
};

/// A model of a local Ollama; none when it is not there, or not whole. Names match in any case, as
/// they do for Ollama. Errors: kDataLoss for a damaged manifest; kUnsupported for one without a
/// GGUF.
std::optional<OllamaModel> FindInOllama(const OllamaSettings& settings,
                                        const ModelReference& reference);

/// One of our store: its folder. Errors: kNotFound for a file that is gone; as above.
OllamaModel OpenStoredOllama(const std::filesystem::path& folder);

/// Every model of a local Ollama, by name: "ollama://qwen3:0.6b".
std::vector<std::string> ListOllama(const OllamaSettings& settings);

}  // namespace hyprstream::registry
