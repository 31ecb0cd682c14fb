// The chat-template fixtures as the tests use them.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "text/chat_template.h"

namespace hyprstream::text::testing {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized =
    __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

/// For what must render however slow the machine is; work and memory stay limited.
inline constexpr TemplateLimits kPatient{.time = std::chrono::milliseconds(60'000)};

/// What came of one rendering: a prompt, or an error's kind and message.
struct Attempt {
  MarkedText prompt;
  std::string kind;
  std::string message;
};

std::vector<Value> ReadFixtureLines(std::string_view file);
std::string TemplateSource(std::string_view file);
bool IsHostile(const Value& fixture);
/// "2025-03-09T14:05:06" as seconds since 1970.
int64_t ClockOf(std::string_view iso);

ChatInput InputOf(const Value& fixture);
Attempt RenderCase(const Value& fixture, const TemplateLimits& limits = kPatient);
Attempt RenderVariables(std::string_view source, const Value& variables,
                        const TemplateLimits& limits = kPatient);
/// The text of a template that must render.
std::string Print(std::string_view source, const Value& variables = Value::Object({}));

/// The parts of the prompt outside or inside its inert ranges, each as one string.
std::vector<std::string> LiveParts(const MarkedText& prompt);
std::vector<std::string> InertParts(const MarkedText& prompt);

}  // namespace hyprstream::text::testing
