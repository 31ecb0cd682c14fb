#include "text/chat_template.h"

#include <utility>
#include <vector>

#include "text/template/chat_input.h"
#include "text/template/interp.h"
#include "text/template/parser.h"
#include "text/template/strftime.h"
#include "text/template/unicode.h"

namespace hyprstream::text {

struct ChatTemplate::Impl {
  tmpl::Tree tree;
  TemplateLimits limits;
  std::string source;  // continue_final_message asks whether the template reads "content" at all
};

ChatTemplate::ChatTemplate(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;
ChatTemplate::~ChatTemplate() = default;

ChatTemplate ChatTemplate::Compile(std::string_view source, const TemplateLimits& limits) {
  if (source.size() > limits.source_bytes) {
    throw TemplateError(TemplateErrorKind::kLimit,
                        {.message = "the chat template is too large",
                         .expected = "at most " + std::to_string(limits.source_bytes) + " bytes",
                         .found = std::to_string(source.size())});
  }
  if (const size_t bad = tmpl::FindInvalidUtf8(source); bad != std::string_view::npos) {
    throw TemplateError(TemplateErrorKind::kSyntax, {.message = "the chat template is not UTF-8",
                                                     .where = "byte " + std::to_string(bad)});
  }
  auto impl = std::make_unique<Impl>();
  impl->source = tmpl::NormalizeSource(source);
  impl->tree = tmpl::Parse(impl->source, limits);
  impl->limits = limits;
  return ChatTemplate(std::move(impl));
}

MarkedText ChatTemplate::Render(const ChatInput& input) const {
  const tmpl::PreparedChat chat = tmpl::PrepareChat(input, impl_->source);
  tmpl::Interp interp(impl_->tree, impl_->limits,
                      input.now.has_value() ? *input.now : tmpl::LocalNow());
  MarkedText prompt = interp.Run(chat.variables);
  if (input.continue_final_message) tmpl::CutAfterFinalMessage(prompt, chat.final_content);
  return prompt;
}

MarkedText ChatTemplate::RenderVariables(const Value& variables, std::optional<int64_t> now) const {
  std::vector<std::pair<std::string, Value>> named;
  if (variables.is_object()) {
    for (const Value::Entry& entry : variables.entries()) {
      if (entry.key.is_string()) named.emplace_back(entry.key.as_string(), entry.value);
    }
  }
  tmpl::Interp interp(impl_->tree, impl_->limits, now.has_value() ? *now : tmpl::LocalNow());
  return interp.Run(named);
}

}  // namespace hyprstream::text
