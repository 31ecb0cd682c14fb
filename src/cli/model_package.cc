#include "cli/model_package.h"

#include <algorithm>

#include "cli/hub.h"
#include "registry/ollama_model.h"

namespace hyprstream::cli {

engine::ModelPackage PackageOf(const FoundModel& found) {
  std::optional<registry::OllamaModel> model;
  if (found.record && registry::IsOllama(found.record->key)) {
    model = registry::OpenStoredOllama(found.path.parent_path());
  } else if (!found.record && found.reference.starts_with("ollama://")) {
    model = registry::FindInOllama(ReadOllamaSettings(), registry::ParseReference(found.reference));
  }
  if (!model) return {};
  return {.system = std::move(model->system),
          .messages_json = std::move(model->messages_json),
          .go_template = std::move(model->go_template),
          .params_json = std::move(model->params_json),
          .adapters = std::move(model->adapters)};
}

engine::PackageParameters ApplyPackage(const engine::ModelPackage& package,
                                       engine::LoadedModel& loaded) {
  engine::ApplyPrompts(package, loaded);
  return engine::ReadParameters(package.params_json, loaded.defaults);
}

void AddParameters(const engine::PackageParameters& parameters, const SamplingFlags& flags,
                   const Settings& settings, engine::GenerationRequest& request) {
  engine::SamplingParams& sampling = request.sampling;
  if (flags.stop.empty()) request.stop = parameters.stop;
  if (parameters.seed && !flags.seed && !settings.Integer("sampling.seed")) {
    sampling.seed = parameters.seed;
  }
  if (parameters.max_tokens && !flags.max_tokens && !settings.Integer("sampling.max_tokens")) {
    request.max_tokens = *parameters.max_tokens;
  }
  if (parameters.presence_penalty && !flags.presence_penalty &&
      !settings.Number("sampling.presence_penalty")) {
    sampling.presence_penalty = *parameters.presence_penalty;
  }
  if (parameters.frequency_penalty && !flags.frequency_penalty &&
      !settings.Number("sampling.frequency_penalty")) {
    sampling.frequency_penalty = *parameters.frequency_penalty;
  }
  if (!sampling.repeat_last_n) sampling.repeat_last_n = parameters.repeat_last_n;
}

int64_t ContextOf(const engine::PackageParameters& parameters, const engine::LoadedModel& loaded,
                  int64_t asked) {
  if (asked != 0 || !parameters.context) return asked;
  // One token of a prompt and one of an answer are the least.
  return std::clamp<int64_t>(*parameters.context, 2, loaded.model->config().context_length());
}

}  // namespace hyprstream::cli
