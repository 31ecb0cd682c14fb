// Qwen3, dense (Yang et al. 2025): grouped-query attention with a norm on every query and key head,
// head_dim independent of hidden_size, SwiGLU.
#include "model/family.h"

namespace hyprstream::model {
namespace {

void Read(const ConfigSource& source, ModelConfig& config) {
  ReadCommon(source, {.head_dim = 128, .max_position_embeddings = 32768}, config);
  config.qk_norm = true;
  config.qkv_bias = config.output_bias = source.Bool("attention_bias").value_or(false);
  config.window = ReadQwenWindows(source, config.num_hidden_layers);
}

}  // namespace

constexpr FamilyDescription kQwen3Family{Family::kQwen3, "qwen3", "qwen3", Read};

}  // namespace hyprstream::model
