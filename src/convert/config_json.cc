#include "convert/config_json.h"

#include <boost/json.hpp>
#include <charconv>

#include "base/error.h"
#include "model/rope_frequencies.h"
#include "tensor/dequantize.h"

namespace hyprstream::convert {
namespace {

namespace json = boost::json;
using model::Family;
using model::RopeConfig;
using model::RopeKind;

std::string_view ClassOf(Family family) {
  switch (family) {
    case Family::kQwen3:
      return "Qwen3ForCausalLM";
    case Family::kQwen3Moe:
      return "Qwen3MoeForCausalLM";
    case Family::kQwen2:
      return "Qwen2ForCausalLM";
    case Family::kLlama:
      return "LlamaForCausalLM";
    case Family::kMistral:
      return "MistralForCausalLM";
  }
  HYPR_CHECK(false);
}

RopeConfig RopeOf(const formats::GgufFile& file, const model::ModelConfig& config) {
  const formats::NamedTensor* tensor = file.Find("rope_freqs.weight");
  if (tensor == nullptr) return config.rope;
  const Tensor factors = DequantizeToF32(tensor->view);
  const auto rope = model::Llama3ScalingOf(config, factors.As<float>());
  if (!rope) {
    throw Error(ErrorCode::kUnsupported,
                {.message = "config.json has no way to say how this model scales its rotations",
                 .expected = "factors of Llama 3's scaling in rope_freqs.weight",
                 .found = "others",
                 .where = file.path().string(),
                 .hint = "convert it to GGUF"});
  }
  return *rope;
}

json::object RopeJson(const RopeConfig& rope) {
  json::object scaling;
  switch (rope.kind) {
    case RopeKind::kDefault:
    case RopeKind::kDynamic:  // GGUF has none
      scaling["rope_type"] = "default";
      break;
    case RopeKind::kLinear:
      scaling = {{"rope_type", "linear"}, {"factor", rope.factor}};
      break;
    case RopeKind::kLlama3:
      scaling = {{"rope_type", "llama3"},
                 {"factor", rope.factor},
                 {"low_freq_factor", rope.low_freq_factor},
                 {"high_freq_factor", rope.high_freq_factor},
                 {"original_max_position_embeddings", rope.original_context}};
      break;
    case RopeKind::kYarn:
      scaling = {{"rope_type", "yarn"},
                 {"factor", rope.factor},
                 {"beta_fast", rope.beta_fast},
                 {"beta_slow", rope.beta_slow},
                 {"original_max_position_embeddings", rope.original_context}};
      if (rope.attention_factor) scaling["attention_factor"] = *rope.attention_factor;
      break;
  }
  return scaling;
}

void AddRope(const RopeConfig& rope, json::object& fields) {
  json::object scaling = RopeJson(rope);
  // Two spellings: transformers 4 reads the first two, 5 the third.
  fields["rope_theta"] = rope.theta;
  fields["rope_scaling"] =
      rope.kind == RopeKind::kDefault ? json::value(nullptr) : json::value(scaling);
  scaling["rope_theta"] = rope.theta;
  fields["rope_parameters"] = std::move(scaling);
}

void AddFamily(const model::ModelConfig& config, json::object& fields) {
  switch (config.family) {
    case Family::kQwen3Moe:
      fields["num_experts"] = config.moe.experts;
      fields["num_experts_per_tok"] = config.moe.experts_per_token;
      fields["moe_intermediate_size"] = config.moe.intermediate_size;
      fields["norm_topk_prob"] = config.moe.norm_topk_prob;
      fields["decoder_sparse_step"] = 1;
      fields["mlp_only_layers"] = json::array();
      [[fallthrough]];
    case Family::kQwen3:
      fields["attention_bias"] = config.qkv_bias;
      [[fallthrough]];
    case Family::kQwen2:
      fields["use_sliding_window"] = false;
      break;
    case Family::kLlama:
    case Family::kMistral:
      fields["attention_bias"] = config.qkv_bias;
      fields["mlp_bias"] = config.mlp_bias;
      break;
  }
}

/// 1e-05 rather than 9.999999747378752e-06: the number that was meant, and the same as f32.
double ShortestDecimal(float value) {
  char text[32];
  const auto written = std::to_chars(text, text + sizeof(text), value);
  double decimal = value;
  std::from_chars(text, written.ptr, decimal);
  return decimal;
}

json::value IdOrNull(std::optional<int32_t> id) {
  return id ? json::value(*id) : json::value(nullptr);
}

json::value OneOrMore(const std::vector<int32_t>& ids) {
  if (ids.empty()) return nullptr;
  if (ids.size() == 1) return ids.front();
  return json::array(ids.begin(), ids.end());
}

}  // namespace

std::string_view TorchName(DType type) {
  return type == DType::kF32 ? "float32" : type == DType::kF16 ? "float16" : "bfloat16";
}

std::string ConfigJson(const formats::GgufFile& file, const model::ModelConfig& config,
                       DType type) {
  json::object fields{{"architectures", {json::string(ClassOf(config.family))}},
                      {"model_type", model::FamilyName(config.family)},
                      {"vocab_size", config.vocab_size},
                      {"hidden_size", config.hidden_size},
                      {"intermediate_size", config.intermediate_size},
                      {"num_hidden_layers", config.num_hidden_layers},
                      {"num_attention_heads", config.num_attention_heads},
                      {"num_key_value_heads", config.num_key_value_heads},
                      {"head_dim", config.head_dim},
                      {"max_position_embeddings", config.max_position_embeddings},
                      {"rms_norm_eps", ShortestDecimal(config.rms_norm_eps)},
                      {"hidden_act", "silu"},
                      {"tie_word_embeddings", config.tie_word_embeddings},
                      {"attention_dropout", 0.0},
                      {"initializer_range", 0.02},
                      {"sliding_window", nullptr},
                      {"use_cache", true},
                      {"bos_token_id", IdOrNull(config.bos_id)},
                      {"eos_token_id", OneOrMore(config.eos_ids)},
                      {"dtype", TorchName(type)},
                      {"torch_dtype", TorchName(type)}};
  AddRope(RopeOf(file, config), fields);
  AddFamily(config, fields);
  return json::serialize(fields) + "\n";
}

std::string GenerationConfigJson(const model::ModelConfig& config) {
  const json::object fields{{"bos_token_id", IdOrNull(config.bos_id)},
                            {"eos_token_id", OneOrMore(config.eos_ids)}};
  return json::serialize(fields) + "\n";
}

}  // namespace hyprstream::convert
