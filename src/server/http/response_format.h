// The form that a request wants its answer in: OpenAI's "response_format", Ollama's "format".
#pragma once

#include <optional>
#include <string_view>

#include "engine/answer_form.h"
#include "server/http/json_fields.h"

namespace hyprstream::server {

/// {"type": "text" | "json_object" | "json_schema", "json_schema": {"name", "schema", "strict"}},
/// and llama.cpp's {"type": "json_object", "schema"}. Nothing: any form. Errors: kInvalidArgument.
std::optional<engine::AnswerForm> ReadResponseFormat(const JsonField& body);
/// "json", or a schema.
std::optional<engine::AnswerForm> ReadOllamaFormat(const JsonField& body);

/// Whether a model that `reasons` may do so after this prompt.
engine::AnswerForm::Reasoning ReasoningAfter(std::string_view prompt, bool reasons);

}  // namespace hyprstream::server
