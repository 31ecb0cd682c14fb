// Chat templates: a real evaluator of the Jinja subset that published models use, with limits on
// time, memory, depth and output, since a template is a program from the internet. Semantics are
// those of the transformers renderer. Immutable after Compile: any thread may render.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "text/marked_text.h"
#include "text/template/budget.h"          // TemplateLimits
#include "text/template/template_error.h"  // TemplateError, TemplateErrorKind
#include "text/template/value.h"

namespace hyprstream::text {

struct ChatInput {
  Value messages = {};  // list of objects {role, content, …}, keys in the order received
  Value tools = {};     // list or none
  bool add_generation_prompt = true;
  /// The last message is the beginning of the answer: the prompt ends where its content does.
  bool continue_final_message = false;
  /// Object: bos_token, eos_token, enable_thinking, …; missing names are undefined.
  Value kwargs = {};
  /// Local wall clock for strftime_now, seconds since 1970 as if UTC; else the real one.
  std::optional<int64_t> now = {};
};

class ChatTemplate {
 public:
  /// Errors: TemplateError of kind syntax or limit (runtime for an integer beyond 4300 digits).
  static ChatTemplate Compile(std::string_view source, const TemplateLimits& limits = {});
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  /// The prompt; parts that came from messages, tools or kwargs other than bos_token and eos_token
  /// are inert. Errors: TemplateError.
  MarkedText Render(const ChatInput& input) const;
  /// For tests and tools: any variables, no chat conventions. Values are as inert as they say.
  MarkedText RenderVariables(const Value& variables,
                             std::optional<int64_t> now = std::nullopt) const;

 private:
  struct Impl;
  explicit ChatTemplate(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hyprstream::text
