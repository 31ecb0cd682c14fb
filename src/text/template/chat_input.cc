#include "text/template/chat_input.h"

#include <algorithm>

#include "text/template/template_error.h"
#include "text/template/unicode.h"
#include "text/template/value_rep.h"

namespace hyprstream::text::tmpl {
namespace {

using Fields = std::vector<std::pair<std::string, Value>>;

// Put at the end of the content to continue, so that the place shows in the prompt.
constexpr std::string_view kEndMark = "CONTINUE_FINAL_MESSAGE_TAG ";

Fields FieldsOf(const Value& object) {
  Fields fields;
  for (const Value::Entry& entry : object.entries()) {
    if (entry.key.is_string()) fields.emplace_back(entry.key.as_string(), entry.value);
  }
  return fields;
}

void SetField(Fields& fields, std::string_view name, const Value& value) {
  const auto at = std::find_if(fields.begin(), fields.end(),
                               [&](const auto& field) { return field.first == name; });
  if (at != fields.end()) {
    at->second = value;
  } else {
    fields.emplace_back(std::string(name), value);
  }
}

// A message with its reasoning under any name gets "thinking" in front and "reasoning_content".
Value WithReasoning(const Value& message) {
  const Value* reasoning = nullptr;
  for (const std::string_view name : {"reasoning_content", "thinking", "reasoning"}) {
    const Value* found = message.Find(name);
    if (reasoning == nullptr && found != nullptr && !found->is_none()) reasoning = found;
  }
  if (reasoning == nullptr) return message;
  const Value* thinking = message.Find("thinking");
  Fields fields = {{"thinking", thinking != nullptr ? *thinking : *reasoning}};
  for (auto& [name, value] : FieldsOf(message)) SetField(fields, name, value);
  SetField(fields, "reasoning_content", *reasoning);
  return Value::Object(std::move(fields));
}

Value Marked(const Value& text, std::string& content) {
  if (!text.is_string()) {
    RaiseRuntime("continue_final_message is set but the final message's content is no text");
  }
  content = text.as_string();
  return Value::String(content + std::string(kEndMark));
}

// The last part that has a text is the one to continue.
Value MarkedParts(const Value& parts, std::string& content) {
  std::vector<Value> marked = parts.items();
  for (auto part = marked.rbegin(); part != marked.rend(); ++part) {
    const Value* text = part->Find("text");
    if (text == nullptr) continue;
    Fields fields = FieldsOf(*part);
    SetField(fields, "text", Marked(*text, content));
    *part = Value::Object(std::move(fields));
    return Value::List(std::move(marked));
  }
  RaiseRuntime("continue_final_message is set but the final message has no text to continue");
}

void MarkFinalMessage(std::vector<Value>& messages, std::string& content) {
  if (messages.empty()) {
    RaiseRuntime("continue_final_message is set but the conversation is empty");
  }
  Value& last = messages.back();
  const Value* found = last.Find("content");
  if (found == nullptr || found->is_none()) {
    RaiseRuntime("continue_final_message is set but the final message has no content to continue");
  }
  Fields fields = FieldsOf(last);
  SetField(fields, "content",
           found->is_list() ? MarkedParts(*found, content) : Marked(*found, content));
  last = Value::Object(std::move(fields));
}

std::vector<Value> PrepareMessages(const Value& messages) {
  std::vector<Value> prepared;
  if (messages.is_none()) return prepared;
  if (!messages.is_list()) RaiseRuntime("messages must be a list");
  for (const Value& message : messages.items()) {
    if (!message.is_object()) {
      RaiseRuntime("every chat message must be an object, but one is " + TypeName(message));
    }
    prepared.push_back(WithReasoning(message));
  }
  return prepared;
}

std::string_view StripRight(std::string_view text) {
  while (!text.empty()) {
    const size_t start = PreviousStart(text, text.size());
    if (!IsSpace(DecodeAt(text, start).value)) break;
    text = text.substr(0, start);
  }
  return text;
}

std::string_view StripBoth(std::string_view text) {
  text = StripRight(text);
  while (!text.empty()) {
    const CodePoint c = DecodeAt(text, 0);
    if (!IsSpace(c.value)) break;
    text.remove_prefix(c.length);
  }
  return text;
}

void Truncate(MarkedText& prompt, size_t size) {
  prompt.text.resize(size);
  while (!prompt.inert.empty() && prompt.inert.back().begin >= size) prompt.inert.pop_back();
  if (!prompt.inert.empty()) prompt.inert.back().end = std::min(prompt.inert.back().end, size);
}

}  // namespace

PreparedChat PrepareChat(const ChatInput& input, std::string_view source) {
  PreparedChat chat;
  std::vector<Value> messages = PrepareMessages(input.messages);
  if (input.continue_final_message) {
    MarkFinalMessage(messages, chat.final_content);
    if (source.find("content") == std::string_view::npos) {
      RaiseRuntime("continue_final_message is set but the template never reads \"content\"");
    }
  }
  chat.variables.emplace_back("messages", Value::List(std::move(messages)).AsInput());
  chat.variables.emplace_back("tools", input.tools.AsInput());
  chat.variables.emplace_back("documents", Value());
  chat.variables.emplace_back("add_generation_prompt", Value::Bool(input.add_generation_prompt));
  if (!input.kwargs.is_object()) return chat;
  for (const auto& [name, value] : FieldsOf(input.kwargs)) {
    const bool control = name == "bos_token" || name == "eos_token";
    SetField(chat.variables, name, control ? value : value.AsInput());
  }
  return chat;
}

void CutAfterFinalMessage(MarkedText& prompt, std::string_view content) {
  const std::string_view mark = StripRight(kEndMark);
  const size_t at = prompt.text.rfind(mark);
  if (at == std::string::npos || prompt.text.find(StripBoth(content)) == std::string::npos) {
    RaiseRuntime(
        "continue_final_message is set but the template does not print the final message as it is");
  }
  const bool spacing_kept = prompt.text.compare(at, kEndMark.size(), kEndMark) == 0;
  const size_t end =
      spacing_kept ? at : StripRight(std::string_view(prompt.text).substr(0, at)).size();
  Truncate(prompt, end);
}

}  // namespace hyprstream::text::tmpl
