// Llama 2 and 3 (Touvron et al. 2023, Grattafiori et al. 2024) and what is built like them: SmolLM,
// SmolLM2, TinyLlama.
#include "model/family.h"

namespace hyprstream::model {
namespace {

void Read(const ConfigSource& source, ModelConfig& config) {
  ReadCommon(source, {}, config);
  config.qkv_bias = config.output_bias = source.Bool("attention_bias").value_or(false);
  config.mlp_bias = source.Bool("mlp_bias").value_or(false);
  if (source.IsGguf()) {
    // The converter stores q and k rows in the order of interleaved rotation.
    config.interleaved_rope = true;
    if (source.Int("num_experts").value_or(0) > 0) {
      throw UnsupportedFeature(source.where(), "llama.expert_count",
                               "dense llama models (no mixture of experts)",
                               std::to_string(*source.Int("num_experts")));
    }
  }
}

}  // namespace

constexpr FamilyDescription kLlamaFamily{Family::kLlama, "llama", "llama", Read};

}  // namespace hyprstream::model
