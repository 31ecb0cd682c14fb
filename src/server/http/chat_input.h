// From a request's messages to what a chat template is given.
#pragma once

#include "server/http/json_fields.h"
#include "text/chat_template.h"

namespace hyprstream::server {

/// "messages", "tools", "tool_choice", "reasoning_effort", "chat_template_kwargs",
/// "add_generation_prompt" and "continue_final_message" of `body`. Parts of text are put together,
/// the role "developer" becomes "system" and "function" becomes "tool", arguments of tool calls
/// become objects. Errors: kInvalidArgument naming the field; kUnsupported for images and sound.
text::ChatInput ReadChat(const JsonField& body);

/// Keys in their order.
text::Value ToTemplateValue(const boost::json::value& value);

}  // namespace hyprstream::server
