// What the transformers renderer does to a conversation before and after the template runs.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/chat_template.h"
#include "text/marked_text.h"

namespace hyprstream::text::tmpl {

struct PreparedChat {
  std::vector<std::pair<std::string, Value>> variables;
  std::string final_content;  // of the message to continue
};

/// Reasoning under all its names, tools and documents always defined, everything from the request
/// marked. Errors: TemplateError kRuntime when a message is no object, or when there is no text to
/// continue.
PreparedChat PrepareChat(const ChatInput& input, std::string_view source);

/// Ends the prompt where the content of the final message ends. Errors: kRuntime when the template
/// did not print it.
void CutAfterFinalMessage(MarkedText& prompt, std::string_view content);

}  // namespace hyprstream::text::tmpl
