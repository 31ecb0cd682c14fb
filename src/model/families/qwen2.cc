// Qwen2 and Qwen2.5 (Yang et al. 2024): biases on q, k and v, none on o; no head norms.
#include "model/family.h"

namespace hyprstream::model {
namespace {

void Read(const ConfigSource& source, ModelConfig& config) {
  ReadCommon(source, {.max_position_embeddings = 32768}, config);
  config.qkv_bias = true;
  config.window = ReadQwenWindows(source, config.num_hidden_layers);
}

}  // namespace

constexpr FamilyDescription kQwen2Family{Family::kQwen2, "qwen2", "qwen2", Read};

}  // namespace hyprstream::model
