// Conversations longer than the context, as Ollama takes them: the oldest messages go until the
// rest fits, what the system says and the latest message stay.
#pragma once

#include <cstdint>

#include "engine/prompt.h"
#include "text/chat_template.h"

namespace hyprstream::server {

/// The prompt of `input`, which loses the messages that were dropped. What is left begins, after
/// system messages, with one of the user's, as most templates want it. Where the latest message
/// alone is too long the prompt is too: the engine refuses it with numbers. `context`: prompt and
/// at least one token of the answer. Renders log2(messages) times at most. Errors:
/// text::TemplateError.
engine::Prompt FitChat(const engine::PromptBuilder& prompts, text::ChatInput& input,
                       int64_t context);

}  // namespace hyprstream::server
