// Qwen3 with a mixture of experts (Yang et al. 2025): softmax over all experts, then the top k,
// optionally normalised; no shared expert. Some layers may stay dense.
#include <algorithm>

#include "model/family.h"

namespace hyprstream::model {
namespace {

void Read(const ConfigSource& source, ModelConfig& config) {
  ReadCommon(source, {.head_dim = 128, .max_position_embeddings = 32768}, config);
  config.qk_norm = true;
  config.qkv_bias = config.output_bias = source.Bool("attention_bias").value_or(false);
  config.window = ReadQwenWindows(source, config.num_hidden_layers);

  const int64_t local = source.Int("num_local_experts").value_or(128);
  config.moe.experts = source.Int("num_experts").value_or(local);
  config.moe.experts_per_token = source.Int("num_experts_per_tok").value_or(8);
  config.moe.intermediate_size = source.Int("moe_intermediate_size").value_or(768);
  // GGUF runtimes always normalise for this architecture; only some writers say so.
  config.moe.norm_topk_prob = source.Bool("norm_topk_prob").value_or(source.IsGguf());

  const int64_t step = source.Int("decoder_sparse_step").value_or(1);
  if (step <= 0) {
    throw FieldError(source.where(), "decoder_sparse_step", "a positive number",
                     std::to_string(step));
  }
  const std::vector<int64_t> dense = source.Ints("mlp_only_layers");
  for (int64_t i = 0; i < config.num_hidden_layers; ++i) {
    const bool sparse =
        config.moe.experts > 0 && (i + 1) % step == 0 && std::ranges::find(dense, i) == dense.end();
    config.sparse_layer[static_cast<size_t>(i)] = sparse;
  }
}

}  // namespace

constexpr FamilyDescription kQwen3MoeFamily{Family::kQwen3Moe, "qwen3_moe", "qwen3moe", Read};

}  // namespace hyprstream::model
