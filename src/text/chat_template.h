// Chat templates: a real evaluator of the Jinja subset that published models use, with limits on
// time, memory, depth and output, since a template is a program from the internet. Semantics are
// those of the transformers renderer. Immutable after Compile: any thread may render.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "text/marked_text.h"
#include "text/template/value.h"

namespace hyprstream::text {

/// kinds as in "syntax", "undefined", "security", "raised", "runtime", "limit".
enum class TemplateErrorKind { kSyntax, kUndefined, kSecurity, kRaised, kRuntime, kLimit };

std::string_view TemplateErrorKindName(TemplateErrorKind kind);

class TemplateError : public Error {
 public:
  TemplateError(TemplateErrorKind kind, ErrorDetail detail);
  TemplateErrorKind kind() const { return kind_; }

 private:
  TemplateErrorKind kind_;
};

struct TemplateLimits {
  std::chrono::milliseconds time{500};
  uint64_t steps = 2'000'000;
  uint64_t memory_bytes = 32u << 20;
  uint64_t output_bytes = 4u << 20;
  int depth = 200;
  uint64_t source_bytes = 1u << 20;
};

struct ChatInput {
  Value messages;           // list of objects {role, content, …}, keys in the order received
  Value tools;              // list or none
  bool add_generation_prompt = true;
  bool continue_final_message = false;
  Value kwargs;             // object: bos_token, eos_token, enable_thinking, …; missing names are undefined
  std::optional<int64_t> now;  // local wall clock for strftime_now, seconds since 1970 as if UTC; else the real one
};

class ChatTemplate {
 public:
  /// Errors: TemplateError of kind syntax or limit.
  static ChatTemplate Compile(std::string_view source, const TemplateLimits& limits = {});
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;
  ~ChatTemplate();

  /// The prompt; parts that came from messages, tools or kwargs other than bos_token and eos_token
  /// are inert. Errors: TemplateError.
  MarkedText Render(const ChatInput& input) const;
  /// For tests and tools: any variables, no chat conventions.
  MarkedText RenderVariables(const Value& variables) const;

 private:
  struct Impl;
  explicit ChatTemplate(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hyprstream::text
