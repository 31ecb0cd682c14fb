// What comes with a model besides its files: the layers of an Ollama model, or a Modelfile. A
// system prompt and first messages that every conversation begins with, a template where the files
// have none, wishes for sampling, adapters that are always on. Values; applied to a model that was
// just opened, by the thread that opened it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/load.h"
#include "engine/request.h"

namespace hyprstream::engine {

struct ModelPackage {
  std::string system = {};         // empty: none
  std::string messages_json = {};  // an array of {role, content}; empty: none
  std::string go_template = {};    // used when the files have no chat template of their own
  std::string params_json = {};    // an object of Modelfile parameters; empty: none
  std::vector<std::filesystem::path> adapters = {};
};

/// The parameters that GenerationDefaults has no place for.
struct PackageParameters {
  std::vector<std::string> stop = {};
  std::optional<uint64_t> seed = {};
  std::optional<int32_t> max_tokens = {};  // num_predict; without a limit it stays empty
  std::optional<float> presence_penalty = {};
  std::optional<float> frequency_penalty = {};
  std::optional<int64_t> context = {};        // num_ctx
  std::optional<int32_t> repeat_last_n = {};  // 64, as Ollama has it, where the package has wishes
};

/// `defaults` takes temperature, top_k, top_p, min_p and repeat_penalty. What has no meaning here
/// (num_gpu, mirostat, …) is left out. Errors: kDataLoss naming the parameter and what was
/// found.
PackageParameters ReadParameters(std::string_view params_json, GenerationDefaults& defaults);

/// The model's prompts from now on begin as the package says. A Go template that is not understood
/// is logged and the fallback of models without a template is used. Errors: kDataLoss for messages
/// that are none.
void ApplyPrompts(const ModelPackage& package, LoadedModel& loaded);

/// Opens the package's adapters, all with scale 1. Errors: those of LoadAdapterFile.
std::vector<AdapterChoice> OpenPackageAdapters(const ModelPackage& package,
                                               const model::ModelConfig& config);

}  // namespace hyprstream::engine
