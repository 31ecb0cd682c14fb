#include "model/gguf_names.h"

#include <charconv>

namespace hyprstream::model {
namespace {

struct Pair {
  std::string_view hugging_face;
  std::string_view gguf;
};

constexpr Pair kWhole[] = {
    {"model.embed_tokens.weight", "token_embd.weight"},
    {"model.norm.weight", "output_norm.weight"},
    {"lm_head.weight", "output.weight"},
    {"rope_freqs.weight", "rope_freqs.weight"},
};

constexpr Pair kLayer[] = {
    {"input_layernorm", "attn_norm"},    {"self_attn.q_proj", "attn_q"},
    {"self_attn.k_proj", "attn_k"},      {"self_attn.v_proj", "attn_v"},
    {"self_attn.o_proj", "attn_output"}, {"self_attn.q_norm", "attn_q_norm"},
    {"self_attn.k_norm", "attn_k_norm"}, {"post_attention_layernorm", "ffn_norm"},
    {"mlp.gate_proj", "ffn_gate"},       {"mlp.up_proj", "ffn_up"},
    {"mlp.down_proj", "ffn_down"},       {"mlp.gate", "ffn_gate_inp"},
};

constexpr Pair kExpert[] = {
    {"gate_proj", "ffn_gate_exps"},
    {"up_proj", "ffn_up_exps"},
    {"down_proj", "ffn_down_exps"},
};

bool Consume(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::optional<int64_t> ConsumeNumber(std::string_view& text) {
  int64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return number;
}

template <size_t kCount>
std::optional<std::string> Translate(const Pair (&pairs)[kCount], std::string_view rest) {
  for (const Pair& pair : pairs) {
    std::string_view suffix = rest;
    if (Consume(suffix, pair.hugging_face) && (suffix == ".weight" || suffix == ".bias")) {
      return std::string(pair.gguf) + std::string(suffix);
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<GgufName> ToGgufName(std::string_view name) {
  for (const Pair& pair : kWhole) {
    if (pair.hugging_face == name) return GgufName{std::string(pair.gguf)};
  }
  if (!Consume(name, "model.layers.")) return std::nullopt;
  const std::optional<int64_t> layer = ConsumeNumber(name);
  if (!layer || !Consume(name, ".")) return std::nullopt;
  const std::string block = "blk." + std::to_string(*layer) + ".";
  if (Consume(name, "mlp.experts.")) {
    const std::optional<int64_t> expert = ConsumeNumber(name);
    if (!expert || !Consume(name, ".")) return std::nullopt;
    const std::optional<std::string> stacked = Translate(kExpert, name);
    if (!stacked) return std::nullopt;
    return GgufName{block + *stacked, *expert};
  }
  const std::optional<std::string> plain = Translate(kLayer, name);
  if (!plain) return std::nullopt;
  return GgufName{block + *plain};
}

std::string HuggingFaceName::ExpertName(int64_t expert) const {
  const size_t at = name.find("{}");
  return name.substr(0, at) + std::to_string(expert) + name.substr(at + 2);
}

std::optional<HuggingFaceName> FromGgufName(std::string_view name) {
  for (const Pair& pair : kWhole) {
    if (pair.gguf == name) return HuggingFaceName{std::string(pair.hugging_face)};
  }
  if (!Consume(name, "blk.")) return std::nullopt;
  const std::optional<int64_t> layer = ConsumeNumber(name);
  if (!layer || !Consume(name, ".")) return std::nullopt;
  const size_t dot = name.rfind('.');
  const std::string_view stem = name.substr(0, dot);
  const std::string suffix(dot == std::string_view::npos ? "" : name.substr(dot));
  if (suffix != ".weight" && suffix != ".bias") return std::nullopt;
  const std::string place = "model.layers." + std::to_string(*layer) + ".";
  for (const Pair& pair : kLayer) {
    if (pair.gguf == stem) return HuggingFaceName{place + std::string(pair.hugging_face) + suffix};
  }
  for (const Pair& pair : kExpert) {
    if (pair.gguf == stem) {
      return HuggingFaceName{place + "mlp.experts.{}." + std::string(pair.hugging_face) + suffix,
                             true};
    }
  }
  return std::nullopt;
}

int64_t LayerOf(std::string_view name) {
  if (!Consume(name, "model.layers.")) return -1;
  return ConsumeNumber(name).value_or(-1);
}

}  // namespace hyprstream::model
