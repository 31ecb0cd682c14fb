// From messages, or plain text, to the token ids a model is asked with: the chat template of the
// model's files, its special tokens, and the tokenizer. Every door builds its prompts here.
// Immutable: any thread may use it.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "formats/model_files.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace hyprstream::engine {

struct Prompt {
  std::vector<int32_t> ids;
  std::string text;  // what was encoded, special tokens spelled out
};

class PromptBuilder {
 public:
  /// kModel: from the model's files. kChatMl: the model has none but knows <|im_start|>. kPlain:
  /// the messages' texts one after the other.
  enum class Source { kModel, kChatMl, kPlain };

  /// A damaged template is an error only when it is used: a model can be asked without one.
  /// Errors: kDataLoss for a tokenizer_config.json that is not JSON.
  static std::shared_ptr<const PromptBuilder> Create(
      const formats::ModelFiles& files, std::shared_ptr<const text::Tokenizer> tokenizer);
  /// Of a folder that may hold no weights.
  static std::shared_ptr<const PromptBuilder> Create(
      std::string_view tokenizer_config_json, std::string_view chat_template,
      std::shared_ptr<const text::Tokenizer> tokenizer);

  /// One template alone, which may be empty; it renders, but there is nothing to encode with.
  static std::shared_ptr<const PromptBuilder> OfTemplate(std::string_view source);

  Source source() const { return source_; }

  /// The template's variables besides messages and tools (`bos_token`, `eos_token`, …) are added to
  /// input.kwargs unless they are there. Errors: text::TemplateError.
  text::MarkedText Render(text::ChatInput input) const;
  Prompt Chat(const text::ChatInput& input) const;
  /// Text to be continued as it is. BOS is added when the tokenizer adds one and the text does not
  /// begin with it.
  Prompt Continuation(std::string_view text) const;

 private:
  PromptBuilder() = default;
  void Compile(Source source, std::string_view text, std::string_view tool_text);
  bool BeginsWithBos(const std::string& text) const;
  const text::ChatTemplate& TemplateFor(const text::Value& tools) const;

  Source source_ = Source::kPlain;
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  std::optional<text::ChatTemplate> template_;
  std::optional<text::ChatTemplate> tool_template_;  // when the model has one of its own for tools
  std::exception_ptr damage_;                        // what the template's compilation threw
  std::vector<std::pair<std::string, std::string>> special_tokens_;
};

}  // namespace hyprstream::engine
