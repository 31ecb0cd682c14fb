// The families of models. A new one is a new file in families/ and a line in family.cc: it reads
// its own part of the configuration and says which switches of the common decoder it sets.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "model/config.h"
#include "model/config_source.h"

namespace hyprstream::model {

struct FamilyDescription {
  Family family;
  std::string_view model_type;         // of config.json
  std::string_view gguf_architecture;  // of general.architecture; empty: has none of its own
  /// Fills everything the common part (ReadCommon) does not.
  void (*read)(const ConfigSource& source, ModelConfig& config);
};

extern const FamilyDescription kQwen3Family;
extern const FamilyDescription kQwen3MoeFamily;
extern const FamilyDescription kQwen2Family;
extern const FamilyDescription kLlamaFamily;
extern const FamilyDescription kMistralFamily;

std::span<const FamilyDescription* const> Families();
/// "qwen3, qwen3_moe, qwen2, llama, mistral"
std::string SupportedFamilies();

/// Widths, depths and constants that every family has under the same names, with this family's
/// defaults for what may be absent.
struct CommonDefaults {
  int64_t head_dim = 0;  // 0: hidden_size / num_attention_heads
  int64_t max_position_embeddings = 2048;
  double rope_theta = 10000.0;
};
void ReadCommon(const ConfigSource& source, const CommonDefaults& defaults, ModelConfig& config);

/// Windows per layer from use_sliding_window, sliding_window, max_window_layers and layer_types, as
/// the Qwen families mean them.
std::vector<int64_t> ReadQwenWindows(const ConfigSource& source, int64_t layers);

}  // namespace hyprstream::model
