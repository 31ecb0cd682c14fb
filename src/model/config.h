// What a model is: every shape and constant of its architecture, read from config.json or from GGUF
// metadata and checked before anything is allocated. Plain values, immutable once loaded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/model_files.h"

namespace hyprstream::model {

enum class Family { kQwen3, kQwen3Moe, kQwen2, kLlama, kMistral };
/// As in config.json's model_type.
std::string_view FamilyName(Family family);

enum class RopeKind { kDefault, kLinear, kDynamic, kLlama3, kYarn };

struct RopeConfig {
  RopeKind kind = RopeKind::kDefault;
  double theta = 10000.0;
  double factor = 1.0;
  int64_t original_context = 0;  // positions the model was trained on before scaling
  double low_freq_factor = 1.0;  // llama3
  double high_freq_factor = 4.0;
  double beta_fast = 32.0;  // yarn
  double beta_slow = 1.0;
  std::optional<double> attention_factor;
  std::optional<double> mscale;
  std::optional<double> mscale_all_dim;
  bool truncate = true;
};

struct MoeConfig {
  int64_t experts = 0;  // 0: every layer is dense
  int64_t experts_per_token = 0;
  int64_t intermediate_size = 0;
  bool norm_topk_prob = false;
};

struct ModelConfig {
  Family family = Family::kQwen3;
  int64_t vocab_size = 0;
  int64_t hidden_size = 0;
  int64_t intermediate_size = 0;
  int64_t num_hidden_layers = 0;
  int64_t num_attention_heads = 0;
  int64_t num_key_value_heads = 0;
  int64_t head_dim = 0;
  int64_t max_position_embeddings = 0;  // see context_length()
  float rms_norm_eps = 1e-6f;
  bool tie_word_embeddings = false;
  bool qkv_bias = false;     // q, k, v
  bool output_bias = false;  // o
  bool mlp_bias = false;
  bool qk_norm = false;
  RopeConfig rope;
  MoeConfig moe;
  std::vector<int64_t> window;     // per layer; 0: full attention
  std::vector<bool> sparse_layer;  // per layer; true: mixture of experts
  std::vector<int32_t> eos_ids;    // config and generation_config together, no duplicates
  std::optional<int32_t> bos_id;
  std::string dtype;              // as the file says, for display
  bool interleaved_rope = false;  // q and k rows are stored for pairs (2i, 2i+1): GGUF llama

  /// Tokens a sequence may have: max_position_embeddings, stretched by the factor where files state
  /// what was trained (linear, dynamic; yarn from its original context).
  int64_t context_length() const;
  /// Weights that take part in one token, times one: embeddings counted once, chosen experts only.
  int64_t active_parameters() const;
  int64_t parameters() const;
};

/// From config.json and generation_config.json, or from GGUF metadata, whichever the files have.
/// Errors: kUnsupported naming the architecture or feature and what is supported; kDataLoss naming
/// the field, what was expected and what was found.
ModelConfig ReadConfig(const formats::ModelFiles& files);

/// The text of a config.json alone (generation_config may be empty). `where` names it in errors.
ModelConfig ParseConfigJson(std::string_view config, std::string_view generation_config,
                            std::string_view where);
ModelConfig ParseConfigGguf(const formats::GgufFile& file);

/// Range and consistency checks shared by both. Errors as above.
void ValidateConfig(const ModelConfig& config, std::string_view where);

}  // namespace hyprstream::model
