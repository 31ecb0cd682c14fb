#include "model/config.h"

#include <cmath>

#include "model/config_source.h"
#include "model/family.h"

namespace hyprstream::model {
namespace {

// Far above any published model, low enough that every product of two fits in 63 bits.
constexpr int64_t kMaxWidth = int64_t{1} << 24;

constexpr double kMostPositions = 2147483648.0;

// Keeps every sum and product of sizes far from overflow.
constexpr double kMaxParameters = 1e15;

double EstimateParameters(const ModelConfig& config) {
  const auto hidden = static_cast<double>(config.hidden_size);
  const double heads =
      static_cast<double>(config.num_attention_heads + config.num_key_value_heads) *
      static_cast<double>(config.head_dim);
  const double experts = static_cast<double>(config.moe.experts) *
                         static_cast<double>(config.moe.intermediate_size + 1);
  const double layer =
      hidden * (2 * heads + 3 * (static_cast<double>(config.intermediate_size) + experts));
  return 2 * static_cast<double>(config.vocab_size) * hidden +
         static_cast<double>(config.num_hidden_layers) * layer;
}

void CheckRange(std::string_view where, std::string_view field, int64_t value, int64_t low,
                int64_t high) {
  if (value < low || value > high) {
    throw FieldError(where, field, std::to_string(low) + " to " + std::to_string(high),
                     std::to_string(value));
  }
}

int64_t LayerParameters(const ModelConfig& config, int64_t layer, int64_t experts) {
  const int64_t heads = config.num_attention_heads * config.head_dim;
  const int64_t kv_heads = config.num_key_value_heads * config.head_dim;
  const int64_t attention = config.hidden_size * (2 * heads + 2 * kv_heads);
  const bool sparse = config.sparse_layer[static_cast<size_t>(layer)];
  const int64_t mlp = 3 * config.hidden_size *
                      (sparse ? experts * config.moe.intermediate_size : config.intermediate_size);
  return attention + mlp + (sparse ? config.moe.experts * config.hidden_size : 0);
}

int64_t CountParameters(const ModelConfig& config, int64_t experts) {
  int64_t total = config.vocab_size * config.hidden_size * (config.tie_word_embeddings ? 1 : 2);
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    total += LayerParameters(config, i, experts);
  }
  return total;
}

}  // namespace

int64_t ConfigSource::RequireInt(std::string_view name) const {
  const std::optional<int64_t> value = Int(name);
  if (!value) throw FieldError(where(), name, "an integer", "nothing");
  return *value;
}

Error FieldError(std::string_view where, std::string_view field, std::string expected,
                 std::string found) {
  return Error(ErrorCode::kDataLoss, {.message = "bad model configuration: " + std::string(field),
                                      .expected = std::move(expected),
                                      .found = std::move(found),
                                      .where = std::string(where)});
}

Error UnsupportedFeature(std::string_view where, std::string_view field, std::string supported,
                         std::string found) {
  return Error(
      ErrorCode::kUnsupported,
      {.message = "this model needs a feature that is not supported: " + std::string(field),
       .expected = std::move(supported),
       .found = std::move(found),
       .where = std::string(where)});
}

RopeKind ParseRopeKind(std::string_view name, std::string_view where) {
  if (name == "default" || name == "none") return RopeKind::kDefault;
  if (name == "linear") return RopeKind::kLinear;
  if (name == "dynamic") return RopeKind::kDynamic;
  if (name == "llama3") return RopeKind::kLlama3;
  if (name == "yarn") return RopeKind::kYarn;
  throw UnsupportedFeature(where, "rope_type", "default, linear, dynamic, llama3 or yarn",
                           std::string(name));
}

ModelConfig ReadConfig(const formats::ModelFiles& files) {
  ModelConfig config = files.gguf() != nullptr
                           ? ParseConfigGguf(*files.gguf())
                           : ParseConfigJson(files.config_json(), files.generation_config_json(),
                                             (files.path() / "config.json").string());
  return config;
}

void ValidateConfig(const ModelConfig& config, std::string_view where) {
  CheckRange(where, "vocab_size", config.vocab_size, 1, kMaxWidth);
  CheckRange(where, "hidden_size", config.hidden_size, 1, kMaxWidth);
  CheckRange(where, "intermediate_size", config.intermediate_size, 1, kMaxWidth);
  CheckRange(where, "num_attention_heads", config.num_attention_heads, 1, 4096);
  CheckRange(where, "num_key_value_heads", config.num_key_value_heads, 1,
             config.num_attention_heads);
  CheckRange(where, "head_dim", config.head_dim, 2, 512);  // what ops::Attention takes
  CheckRange(where, "max_position_embeddings", config.max_position_embeddings, 1,
             static_cast<int64_t>(kMostPositions));
  if (config.num_attention_heads % config.num_key_value_heads != 0) {
    throw FieldError(
        where, "num_key_value_heads",
        "a divisor of num_attention_heads (" + std::to_string(config.num_attention_heads) + ")",
        std::to_string(config.num_key_value_heads));
  }
  if (config.head_dim % 2 != 0) {
    throw FieldError(where, "head_dim", "an even number", std::to_string(config.head_dim));
  }
  if (!(config.rms_norm_eps > 0) || !std::isfinite(config.rms_norm_eps)) {
    throw FieldError(where, "rms_norm_eps", "a positive number",
                     std::to_string(config.rms_norm_eps));
  }
  if (!(config.rope.theta > 0) || !std::isfinite(config.rope.theta)) {
    throw FieldError(where, "rope_theta", "a positive number", std::to_string(config.rope.theta));
  }
  if (!(config.rope.factor >= 1) || !std::isfinite(config.rope.factor)) {
    throw FieldError(where, "rope factor", "a number from 1", std::to_string(config.rope.factor));
  }
  for (const int64_t window : config.window)
    CheckRange(where, "sliding_window", window, 0, INT32_MAX);
  if (config.moe.experts > 0) {
    CheckRange(where, "num_experts", config.moe.experts, 1, 65536);
    CheckRange(where, "num_experts_per_tok", config.moe.experts_per_token, 1, config.moe.experts);
    CheckRange(where, "moe_intermediate_size", config.moe.intermediate_size, 1, kMaxWidth);
  }
  if (const double parameters = EstimateParameters(config); parameters > kMaxParameters) {
    throw FieldError(where, "the sizes together", "a model of at most 10^15 parameters",
                     std::to_string(parameters));
  }
  for (const int32_t id : config.eos_ids) {
    CheckRange(where, "eos_token_id", id, 0, config.vocab_size - 1);
  }
}

int64_t ModelConfig::context_length() const {
  if (rope.kind == RopeKind::kDefault || rope.kind == RopeKind::kLlama3) {
    return max_position_embeddings;
  }
  const bool yarn = rope.kind == RopeKind::kYarn;
  const int64_t trained = yarn ? rope.original_context : max_position_embeddings;
  const double stretched = std::min(static_cast<double>(trained) * rope.factor, kMostPositions);
  return std::max(max_position_embeddings, static_cast<int64_t>(stretched));
}

int64_t ModelConfig::active_parameters() const {
  return CountParameters(*this, moe.experts_per_token);
}

int64_t ModelConfig::parameters() const { return CountParameters(*this, moe.experts); }

}  // namespace hyprstream::model
