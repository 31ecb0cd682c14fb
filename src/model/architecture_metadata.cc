#include "model/architecture_metadata.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "model/family.h"

namespace hyprstream::model {
namespace {

using Fields = std::vector<std::pair<std::string, formats::GgufField>>;

[[noreturn]] void Refuse(std::string what, std::string found) {
  throw Error(ErrorCode::kUnsupported, {.message = "GGUF has no way to say this of a model",
                                        .expected = std::move(what),
                                        .found = std::move(found),
                                        .hint = "write it as safetensors"});
}

uint32_t Number(int64_t value) { return static_cast<uint32_t>(value); }

class Writer {
 public:
  explicit Writer(const ModelConfig& config)
      : config_(config), prefix_(std::string(GgufArchitecture(config.family)) + ".") {}

  Fields Write() && {
    fields_.emplace_back("general.architecture", std::string(GgufArchitecture(config_.family)));
    Add("vocab_size", Number(config_.vocab_size));
    Add("context_length", Number(Context()));
    Add("embedding_length", Number(config_.hidden_size));
    Add("block_count", Number(config_.num_hidden_layers));
    Add("feed_forward_length", Number(config_.intermediate_size));
    Add("attention.head_count", Number(config_.num_attention_heads));
    Add("attention.head_count_kv", Number(config_.num_key_value_heads));
    Add("attention.key_length", Number(config_.head_dim));
    Add("attention.value_length", Number(config_.head_dim));
    Add("attention.layer_norm_rms_epsilon", config_.rms_norm_eps);
    Add("rope.dimension_count", Number(config_.head_dim));
    Add("rope.freq_base", static_cast<float>(config_.rope.theta));
    AddRopeScaling();
    AddExperts();
    return std::move(fields_);
  }

 private:
  void Add(const std::string& key, formats::GgufField value) {
    fields_.emplace_back(prefix_ + key, std::move(value));
  }

  int64_t Context() const {
    int64_t context = config_.max_position_embeddings;
    for (const int64_t window : config_.window) {
      if (window > 0) context = std::min(context, window);
    }
    if (context < config_.max_position_embeddings) {
      LogWarning("GGUF has no sliding window here: the context is cut to it, " +
                 std::to_string(context) + " tokens");
    }
    return context;
  }

  void AddRopeScaling() {
    const RopeConfig& rope = config_.rope;
    switch (rope.kind) {
      case RopeKind::kDefault:
      case RopeKind::kLlama3:
        return;
      case RopeKind::kLinear:
        Add("rope.scaling.type", std::string("linear"));
        Add("rope.scaling.factor", static_cast<float>(rope.factor));
        return;
      case RopeKind::kYarn:
        AddYarn();
        return;
      case RopeKind::kDynamic:
        Refuse("default, linear, llama3 or yarn rotations", "dynamic scaling of rotations");
    }
  }

  void AddYarn() {
    const RopeConfig& rope = config_.rope;
    if (rope.attention_factor || rope.mscale || rope.mscale_all_dim || !rope.truncate) {
      Refuse("YaRN with its usual magnitude and whole ramp bounds",
             "attention_factor, mscale or truncate of the configuration's rope scaling");
    }
    Add("rope.scaling.type", std::string("yarn"));
    Add("rope.scaling.factor", static_cast<float>(rope.factor));
    Add("rope.scaling.original_context_length", Number(rope.original_context));
    Add("rope.scaling.yarn_beta_fast", static_cast<float>(rope.beta_fast));
    Add("rope.scaling.yarn_beta_slow", static_cast<float>(rope.beta_slow));
  }

  void AddExperts() {
    if (config_.moe.experts == 0) return;
    if (!std::ranges::all_of(config_.sparse_layer, [](bool sparse) { return sparse; })) {
      Refuse("experts in every layer", "layers with and without experts");
    }
    if (!config_.moe.norm_topk_prob) {
      Refuse("normalised weights of the chosen experts", "norm_topk_prob false");
    }
    Add("expert_count", Number(config_.moe.experts));
    Add("expert_used_count", Number(config_.moe.experts_per_token));
    Add("expert_feed_forward_length", Number(config_.moe.intermediate_size));
  }

  const ModelConfig& config_;
  const std::string prefix_;
  Fields fields_;
};

}  // namespace

std::string_view GgufArchitecture(Family family) {
  const auto found = std::ranges::find(Families(), family, &FamilyDescription::family);
  HYPR_CHECK(found != Families().end());
  return (*found)->gguf_architecture.empty() ? kLlamaFamily.gguf_architecture
                                             : (*found)->gguf_architecture;
}

Fields ArchitectureMetadata(const ModelConfig& config) { return Writer(config).Write(); }

}  // namespace hyprstream::model
