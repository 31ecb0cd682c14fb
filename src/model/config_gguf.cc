// GGUF metadata as llama.cpp's converter and Ollama write it, answered under config.json's names.
#include <algorithm>

#include "model/config_source.h"
#include "model/family.h"

namespace hyprstream::model {
namespace {

using formats::GgufFile;
using formats::GgufValue;

struct KeyName {
  std::string_view field;  // of config.json
  std::string_view key;    // after "<architecture>."
};

constexpr KeyName kKeys[] = {
    {"vocab_size", "vocab_size"},
    {"hidden_size", "embedding_length"},
    {"intermediate_size", "feed_forward_length"},
    {"num_hidden_layers", "block_count"},
    {"num_attention_heads", "attention.head_count"},
    {"num_key_value_heads", "attention.head_count_kv"},
    {"head_dim", "attention.key_length"},
    {"max_position_embeddings", "context_length"},
    {"rms_norm_eps", "attention.layer_norm_rms_epsilon"},
    {"num_experts", "expert_count"},
    {"num_experts_per_tok", "expert_used_count"},
    {"moe_intermediate_size", "expert_feed_forward_length"},
    {"norm_topk_prob", "norm_top_k_prob"},
    {"sliding_window", "attention.sliding_window"},
};

class GgufSource final : public ConfigSource {
 public:
  GgufSource(const GgufFile& file, std::string architecture)
      : file_(file), architecture_(std::move(architecture)), where_(file.path().string()) {}

  std::optional<int64_t> Int(std::string_view name) const override {
    if (name == "vocab_size") return VocabSize();
    const std::string key = Key(name);
    if (key.empty()) return std::nullopt;
    const GgufValue* value = file_.Get(key);
    if (value == nullptr) return std::nullopt;
    // Some keys may be given per layer; all layers must then agree.
    if (const auto* list = std::get_if<std::vector<uint64_t>>(&value->value))
      return Uniform(*list, key);
    if (const auto* list = std::get_if<std::vector<int64_t>>(&value->value))
      return Uniform(*list, key);
    const std::optional<uint64_t> number = file_.GetUint(key);
    if (number && *number > static_cast<uint64_t>(INT64_MAX)) {
      throw FieldError(where_, key, "a number below 2^63", std::to_string(*number));
    }
    return static_cast<int64_t>(*number);
  }
  std::optional<double> Float(std::string_view name) const override {
    const std::string key = Key(name);
    return key.empty() ? std::nullopt : file_.GetFloat(key);
  }
  std::optional<bool> Bool(std::string_view name) const override {
    if (name == "tie_word_embeddings") return file_.Find("output.weight") == nullptr;
    if (name == "attention_bias") return file_.Find("blk.0.attn_q.bias") != nullptr;
    if (name == "mlp_bias") return file_.Find("blk.0.ffn_up.bias") != nullptr;
    const std::string key = Key(name);
    return key.empty() ? std::nullopt : file_.GetBool(key);
  }
  std::optional<std::string> String(std::string_view) const override { return std::nullopt; }
  std::vector<int64_t> Ints(std::string_view) const override { return {}; }
  std::vector<std::string> Strings(std::string_view) const override { return {}; }
  bool Has(std::string_view name) const override {
    const std::string key = Key(name);
    return !key.empty() && file_.Get(key) != nullptr;
  }
  const std::string& where() const override { return where_; }
  bool IsGguf() const override { return true; }

  RopeConfig Rope(double default_theta) const override {
    RopeConfig rope;
    rope.theta = file_.GetFloat(Full("rope.freq_base")).value_or(default_theta);
    rope.original_context =
        static_cast<int64_t>(file_.GetUint(Full("rope.scaling.original_context_length"))
                                 .value_or(file_.GetUint(Full("context_length")).value_or(0)));
    const double legacy = file_.GetFloat(Full("rope.scale_linear")).value_or(1.0);
    rope.factor = file_.GetFloat(Full("rope.scaling.factor")).value_or(legacy);
    if (rope.factor == 0) rope.factor = 1;  // the format's way of saying none
    const std::string_view absent = rope.factor == 1 ? "none" : "linear";
    rope.kind = ParseRopeKind(file_.GetString(Full("rope.scaling.type")).value_or(absent), where_);
    rope.beta_fast = file_.GetFloat(Full("rope.scaling.yarn_beta_fast")).value_or(rope.beta_fast);
    rope.beta_slow = file_.GetFloat(Full("rope.scaling.yarn_beta_slow")).value_or(rope.beta_slow);
    rope.attention_factor = file_.GetFloat(Full("rope.scaling.attn_factor"));
    return rope;
  }

 private:
  std::string Full(std::string_view key) const { return architecture_ + "." + std::string(key); }
  std::string Key(std::string_view name) const {
    const auto* found = std::ranges::find(kKeys, name, &KeyName::field);
    return found == std::end(kKeys) ? std::string() : Full(found->key);
  }
  std::optional<int64_t> VocabSize() const {
    // The embedding is what can be looked up; the metadata may be missing or stale.
    if (const formats::NamedTensor* table = file_.Find("token_embd.weight")) {
      if (table->view.shape.rank() == 2) return table->view.shape[0];
    }
    const std::optional<uint64_t> stated = file_.GetUint(Full("vocab_size"));
    if (stated && *stated <= static_cast<uint64_t>(INT64_MAX)) return static_cast<int64_t>(*stated);
    return std::nullopt;
  }
  template <typename T>
  std::optional<int64_t> Uniform(const std::vector<T>& list, const std::string& key) const {
    if (list.empty()) return std::nullopt;
    for (const T item : list) {
      if (item != list.front()) {
        throw UnsupportedFeature(where_, key, "one value for all layers",
                                 std::to_string(item) + " beside " + std::to_string(list.front()));
      }
    }
    return static_cast<int64_t>(list.front());
  }

  const GgufFile& file_;
  std::string architecture_;
  std::string where_;
};

void AddTokenId(const GgufFile& file, std::string_view key, std::vector<int32_t>& ids) {
  const std::optional<uint64_t> id = file.GetUint(key);
  if (!id || *id > INT32_MAX) return;
  const auto value = static_cast<int32_t>(*id);
  if (std::ranges::find(ids, value) == ids.end()) ids.push_back(value);
}

}  // namespace

ModelConfig ParseConfigGguf(const GgufFile& file) {
  const std::string where = file.path().string();
  const std::optional<std::string_view> architecture = file.GetString("general.architecture");
  if (!architecture) throw FieldError(where, "general.architecture", "a string", "nothing");
  const auto families = Families();
  const auto family = std::ranges::find_if(families, [&](const FamilyDescription* candidate) {
    return candidate->gguf_architecture == *architecture && !architecture->empty();
  });
  if (family == families.end()) {
    throw Error(ErrorCode::kUnsupported, {.message = "unknown model architecture",
                                          .expected = "qwen3, qwen3moe, qwen2 or llama",
                                          .found = std::string(*architecture),
                                          .where = where + ": general.architecture"});
  }
  ModelConfig config;
  config.family = (*family)->family;
  (*family)->read(GgufSource(file, std::string(*architecture)), config);
  if (const auto bos = file.GetUint("tokenizer.ggml.bos_token_id"); bos && *bos <= INT32_MAX) {
    config.bos_id = static_cast<int32_t>(*bos);
  }
  AddTokenId(file, "tokenizer.ggml.eos_token_id", config.eos_ids);
  AddTokenId(file, "tokenizer.ggml.eot_token_id", config.eos_ids);
  ValidateConfig(config, where);
  return config;
}

}  // namespace hyprstream::model
