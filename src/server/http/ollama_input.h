// What Ollama's requests mean, in the terms that every route works with.
#pragma once

#include <optional>
#include <string>

#include "engine/request.h"
#include "server/http/json_fields.h"
#include "server/service.h"
#include "text/chat_template.h"

namespace hyprstream::server {

/// "options" over the model's defaults, and "logprobs" with "top_logprobs". An answer may be as
/// long as the context unless num_predict, here or the model's own, says otherwise; num_ctx can
/// only make the context shorter. Options that are not known are ignored. Errors: kInvalidArgument
/// naming the field.
engine::GenerationRequest ReadOllamaOptions(const JsonField& body, const ServedModel& model);

/// "messages", "tools", "think". Errors: kInvalidArgument; kUnsupported for images.
text::ChatInput ReadOllamaChat(const JsonField& body);

/// "prompt", "system", "think" of a generate request, as a chat.
text::ChatInput ReadOllamaPrompt(const JsonField& body);

/// "model", or "name" as older clients call it. Errors: kInvalidArgument when both are missing.
std::string ReadOllamaModel(const JsonField& body);

/// Of "keep_alive": 0 asks to unload. Errors: kInvalidArgument for what is no duration.
enum class KeepAlive { kKeep, kUnload };
KeepAlive ReadKeepAlive(const JsonField& body);

}  // namespace hyprstream::server
