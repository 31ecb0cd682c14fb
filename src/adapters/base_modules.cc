#include "adapters/base_modules.h"

#include <array>

namespace hyprstream::adapters {
namespace {

using model::Module;

formats::ModuleShape AttentionShape(const model::ModelConfig& config, Module module) {
  const int64_t queries = config.num_attention_heads * config.head_dim;
  const int64_t keys = config.num_key_value_heads * config.head_dim;
  if (module == Module::kO) return {.out = config.hidden_size, .in = queries};
  return {.out = module == Module::kQ ? queries : keys, .in = config.hidden_size};
}

formats::ModuleShape MlpShape(int64_t hidden, int64_t intermediate, Module module) {
  if (module == Module::kDown) return {.out = hidden, .in = intermediate};
  return {.out = intermediate, .in = hidden};
}

constexpr std::array kAttention = {Module::kQ, Module::kK, Module::kV, Module::kO};
constexpr std::array kMlp = {Module::kGate, Module::kUp, Module::kDown};

void AddMlp(Places& places, const std::string& prefix, const model::ModelConfig& config,
            int64_t layer) {
  const bool sparse =
      !config.sparse_layer.empty() && config.sparse_layer[static_cast<size_t>(layer)];
  const int64_t copies = sparse ? config.moe.experts : 1;
  for (int64_t expert = 0; expert < copies; ++expert) {
    const std::string path =
        prefix + "mlp." + (sparse ? "experts." + std::to_string(expert) + "." : std::string());
    for (const Module module : kMlp) {
      const int64_t inner = sparse ? config.moe.intermediate_size : config.intermediate_size;
      places[path + std::string(model::ModuleName(module))] = {
          .layer = layer,
          .module = module,
          .expert = expert,
          .shape = MlpShape(config.hidden_size, inner, module)};
    }
  }
}

}  // namespace

Places PlacesOf(const model::ModelConfig& config) {
  Places places;
  for (int64_t layer = 0; layer < config.num_hidden_layers; ++layer) {
    const std::string prefix = "model.layers." + std::to_string(layer) + ".";
    for (const Module module : kAttention) {
      places[prefix + "self_attn." + std::string(model::ModuleName(module))] = {
          .layer = layer, .module = module, .expert = 0, .shape = AttentionShape(config, module)};
    }
    AddMlp(places, prefix, config, layer);
  }
  return places;
}

}  // namespace hyprstream::adapters
