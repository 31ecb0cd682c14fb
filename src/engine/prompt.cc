#include "engine/prompt.h"

#include <algorithm>
#include <utility>

#include "text/tokenizer_config.h"

namespace hyprstream::engine {
namespace {

using text::Value;

constexpr std::string_view kChatMl =
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + "
    "'<|im_end|>\\n' }}{%- endfor %}"
    "{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}";
constexpr std::string_view kPlain =
    "{%- for message in messages %}{{- message.content }}"
    "{%- if not loop.last %}{{- '\\n\\n' }}{%- endif %}{%- endfor %}";

void AddMissing(std::vector<std::pair<std::string, Value>>& entries, const std::string& name,
                std::string_view value) {
  const bool known = std::any_of(entries.begin(), entries.end(),
                                 [&](const auto& entry) { return entry.first == name; });
  if (!known) entries.emplace_back(name, Value::String(value));
}

}  // namespace

std::shared_ptr<const PromptBuilder> PromptBuilder::Create(
    const formats::ModelFiles& files, std::shared_ptr<const text::Tokenizer> tokenizer) {
  return Create(files.tokenizer_config_json(), files.chat_template_jinja(), std::move(tokenizer));
}

std::shared_ptr<const PromptBuilder> PromptBuilder::Create(
    std::string_view tokenizer_config_json, std::string_view chat_template,
    std::shared_ptr<const text::Tokenizer> tokenizer) {
  std::shared_ptr<PromptBuilder> builder(new PromptBuilder());
  text::TokenizerConfig config = text::ParseTokenizerConfig(tokenizer_config_json);
  if (!chat_template.empty()) config.chat_template = chat_template;
  builder->special_tokens_ = std::move(config.special_tokens);
  if (tokenizer) {
    if (config.chat_template.empty()) config.chat_template = tokenizer->chat_template();
    const auto add = [&](const char* name, std::optional<text::TokenId> id) {
      const auto same = [&](const auto& token) { return token.first == name; };
      auto& tokens = builder->special_tokens_;
      if (id && std::none_of(tokens.begin(), tokens.end(), same)) {
        tokens.emplace_back(name, tokenizer->Spelling(*id));
      }
    };
    if (tokenizer_config_json.empty()) {
      add("bos_token", tokenizer->bos());
      add("eos_token", tokenizer->eos());
    }
  }
  if (!config.chat_template.empty()) {
    builder->Compile(Source::kModel, config.chat_template,
                     chat_template.empty() ? config.tool_template : std::string());
  } else if (tokenizer && tokenizer->IdOf("<|im_start|>") && tokenizer->IdOf("<|im_end|>")) {
    builder->Compile(Source::kChatMl, kChatMl, {});
  } else {
    builder->Compile(Source::kPlain, kPlain, {});
  }
  builder->tokenizer_ = std::move(tokenizer);
  return builder;
}

std::shared_ptr<const PromptBuilder> PromptBuilder::OfTemplate(std::string_view source) {
  std::shared_ptr<PromptBuilder> builder(new PromptBuilder());
  builder->Compile(Source::kModel, source, {});
  return builder;
}

void PromptBuilder::Compile(Source source, std::string_view text, std::string_view tool_text) {
  source_ = source;
  try {
    template_ = text::ChatTemplate::Compile(text);
    if (!tool_text.empty()) tool_template_ = text::ChatTemplate::Compile(tool_text);
  } catch (const Error&) {
    damage_ = std::current_exception();
  }
}

const text::ChatTemplate& PromptBuilder::TemplateFor(const Value& tools) const {
  if (damage_) std::rethrow_exception(damage_);
  return tool_template_ && !tools.is_none() ? *tool_template_ : *template_;
}

text::MarkedText PromptBuilder::Render(text::ChatInput input) const {
  std::vector<std::pair<std::string, Value>> entries;
  if (input.kwargs.is_object()) {
    for (const Value::Entry& entry : input.kwargs.entries()) {
      entries.emplace_back(entry.key.as_string(), entry.value);
    }
  }
  for (const auto& [name, value] : special_tokens_) AddMissing(entries, name, value);
  input.kwargs = Value::Object(std::move(entries));
  return TemplateFor(input.tools).Render(input);
}

Prompt PromptBuilder::Chat(const text::ChatInput& input) const {
  text::MarkedText rendered = Render(input);
  // A model's own template says where BOS goes; the fallbacks leave it to the tokenizer.
  const bool add_special = source_ != Source::kModel && !BeginsWithBos(rendered.text);
  HYPR_CHECK(tokenizer_ != nullptr);
  return {.ids = tokenizer_->Encode(rendered, add_special), .text = std::move(rendered.text)};
}

Prompt PromptBuilder::Continuation(std::string_view text) const {
  HYPR_CHECK(tokenizer_ != nullptr);
  std::string copy(text);
  std::vector<int32_t> ids = tokenizer_->Encode(
      copy, {.special_text = text::SpecialText::kParse, .add_special = !BeginsWithBos(copy)});
  const std::optional<text::TokenId> eos = tokenizer_->eos();
  // A prompt is there to be continued: an end that the post-processor added comes off again.
  if (eos && ids.size() > 1 && ids.back() == *eos && !text.ends_with(tokenizer_->Spelling(*eos))) {
    ids.pop_back();
  }
  return {.ids = std::move(ids), .text = std::move(copy)};
}

bool PromptBuilder::BeginsWithBos(const std::string& text) const {
  if (!tokenizer_ || !tokenizer_->bos()) return false;
  const std::string_view bos = tokenizer_->Spelling(*tokenizer_->bos());
  return !bos.empty() && text.starts_with(bos);
}

}  // namespace hyprstream::engine
