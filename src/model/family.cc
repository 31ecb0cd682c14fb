#include "model/family.h"

#include <array>

namespace hyprstream::model {
namespace {

constexpr int64_t kMaxLayers = 1024;

}  // namespace

std::string_view FamilyName(Family family) {
  for (const FamilyDescription* description : Families()) {
    if (description->family == family) return description->model_type;
  }
  return "unknown";
}

std::span<const FamilyDescription* const> Families() {
  static constexpr std::array kFamilies = {&kQwen3Family, &kQwen3MoeFamily, &kQwen2Family,
                                           &kLlamaFamily, &kMistralFamily};
  return kFamilies;
}

std::string SupportedFamilies() {
  std::string names;
  for (const FamilyDescription* description : Families()) {
    if (!names.empty()) names += ", ";
    names += description->model_type;
  }
  return names;
}

void ReadCommon(const ConfigSource& source, const CommonDefaults& defaults, ModelConfig& config) {
  config.vocab_size = source.RequireInt("vocab_size");
  config.hidden_size = source.RequireInt("hidden_size");
  config.intermediate_size = source.RequireInt("intermediate_size");
  config.num_hidden_layers = source.RequireInt("num_hidden_layers");
  config.num_attention_heads = source.RequireInt("num_attention_heads");
  config.num_key_value_heads =
      source.Int("num_key_value_heads").value_or(config.num_attention_heads);
  // Checked here because per-layer tables are sized by it below.
  if (config.num_hidden_layers <= 0 || config.num_hidden_layers > kMaxLayers) {
    throw FieldError(source.where(), "num_hidden_layers", "1 to " + std::to_string(kMaxLayers),
                     std::to_string(config.num_hidden_layers));
  }
  if (config.num_attention_heads <= 0) {
    throw FieldError(source.where(), "num_attention_heads", "a positive number",
                     std::to_string(config.num_attention_heads));
  }
  const int64_t implied =
      defaults.head_dim != 0 ? defaults.head_dim : config.hidden_size / config.num_attention_heads;
  config.head_dim = source.Int("head_dim").value_or(implied);
  config.max_position_embeddings =
      source.Int("max_position_embeddings").value_or(defaults.max_position_embeddings);
  config.rms_norm_eps = static_cast<float>(source.Float("rms_norm_eps").value_or(1e-6));
  config.tie_word_embeddings = source.Bool("tie_word_embeddings").value_or(false);
  config.rope = source.Rope(defaults.rope_theta);
  config.window.assign(static_cast<size_t>(config.num_hidden_layers), 0);
  config.sparse_layer.assign(static_cast<size_t>(config.num_hidden_layers), false);
  config.dtype = source.String("dtype").value_or(source.String("torch_dtype").value_or(""));
  const std::string activation = source.String("hidden_act").value_or("silu");
  if (activation != "silu" && activation != "swish") {
    throw UnsupportedFeature(source.where(), "hidden_act", "silu", activation);
  }
  if (const double part = source.Float("partial_rotary_factor").value_or(1.0); part != 1.0) {
    throw UnsupportedFeature(source.where(), "partial_rotary_factor", "1", std::to_string(part));
  }
}

std::vector<int64_t> ReadQwenWindows(const ConfigSource& source, int64_t layers) {
  std::vector<int64_t> windows(static_cast<size_t>(layers), 0);
  if (!source.Bool("use_sliding_window").value_or(false)) return windows;
  const int64_t window = source.Int("sliding_window").value_or(4096);
  const int64_t first = source.Int("max_window_layers").value_or(28);
  const std::vector<std::string> types = source.Strings("layer_types");
  if (!types.empty() && static_cast<int64_t>(types.size()) != layers) {
    throw FieldError(source.where(), "layer_types", std::to_string(layers) + " entries",
                     std::to_string(types.size()));
  }
  for (int64_t i = 0; i < layers; ++i) {
    const auto index = static_cast<size_t>(i);
    if (!types.empty() && types[index] != "full_attention" && types[index] != "sliding_attention") {
      throw UnsupportedFeature(source.where(), "layer_types",
                               "full_attention and sliding_attention", types[index]);
    }
    const bool sliding = types.empty() ? i >= first : types[index] == "sliding_attention";
    if (sliding) windows[index] = window;
  }
  return windows;
}

}  // namespace hyprstream::model
