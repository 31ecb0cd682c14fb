#include "server/http/chat_input.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace hyprstream::server {
namespace {

namespace json = boost::json;
using text::Value;
using Entries = std::vector<std::pair<std::string, Value>>;

constexpr size_t kMaxMessages = 4096;
constexpr size_t kMaxTools = 128;

std::string ReadRole(const JsonField& message) {
  const JsonField field = message.Need("role");
  const std::string role = field.Text();
  if (role == "developer") return "system";
  if (role == "function") return "tool";
  if (role == "system" || role == "user" || role == "assistant" || role == "tool") return role;
  field.Refuse("system, developer, user, assistant or tool");
}

std::string ReadPart(const JsonField& part) {
  const JsonField type = part.Need("type");
  const std::string name = type.Text();
  if (name == "text") return part.Need("text").Text();
  if (name == "refusal") return part.Need("refusal").Text();
  if (name == "image_url" || name == "input_audio" || name == "file") {
    throw Error(ErrorCode::kUnsupported, {.message = "this model reads text only",
                                          .found = "a part of type \"" + name + "\"",
                                          .where = type.path()});
  }
  type.Refuse("text");
}

std::string ReadContent(const JsonField& message, const std::string& role) {
  const auto content = message.Find("content");
  if (!content) {
    if (role == "assistant") return "";
    return message.Need("content").Text();
  }
  if (content->value().is_string()) return content->Text();
  if (!content->value().is_array()) content->Refuse("a string or an array of parts");
  std::string text;
  for (const JsonField& part : content->List()) text += ReadPart(part);
  return text;
}

// Templates want an object; a string that holds none is left to them as it is.
Value ReadArguments(const JsonField& function) {
  const auto arguments = function.Find("arguments");
  if (!arguments) return Value::Object({});
  if (!arguments->value().is_string()) {
    arguments->Object();
    return ToTemplateValue(arguments->value());
  }
  try {
    const json::value parsed = ParseJsonText(arguments->Text());
    if (parsed.is_object()) return ToTemplateValue(parsed);
  } catch (const Error&) {
  }
  return Value::String(arguments->Text());
}

Value ReadToolCalls(const JsonField& calls) {
  std::vector<Value> list;
  for (const JsonField& call : calls.List()) {
    const JsonField function = call.Need("function");
    Entries entries;
    if (const auto id = call.FindText("id")) entries.emplace_back("id", Value::String(*id));
    entries.emplace_back("type", Value::String("function"));
    entries.emplace_back("function",
                         Value::Object({{"name", Value::String(function.Need("name").Text())},
                                        {"arguments", ReadArguments(function)}}));
    list.push_back(Value::Object(std::move(entries)));
  }
  return Value::List(std::move(list));
}

Value ReadMessage(const JsonField& message) {
  const std::string role = ReadRole(message);
  Entries entries{{"role", Value::String(role)},
                  {"content", Value::String(ReadContent(message, role))}};
  for (const char* name : {"reasoning_content", "name", "tool_call_id"}) {
    if (const auto value = message.FindText(name)) {
      entries.emplace_back(name, Value::String(*value));
    }
  }
  if (const auto calls = message.Find("tool_calls"); calls && !calls->List().empty()) {
    entries.emplace_back("tool_calls", ReadToolCalls(*calls));
  }
  return Value::Object(std::move(entries));
}

Value ReadTools(const JsonField& tools) {
  const std::vector<JsonField> items = tools.List();
  if (items.size() > kMaxTools) tools.Refuse("at most 128 tools");
  std::vector<Value> list;
  for (const JsonField& tool : items) {
    const JsonField type = tool.Need("type");
    if (type.Text() != "function") type.Refuse("function");
    const JsonField name = tool.Need("function").Need("name");
    const std::string text = name.Text();
    const bool good =
        !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](unsigned char c) {
          return std::isalnum(c) != 0 || c == '_' || c == '-';
        });
    if (!good) name.Refuse("1 to 64 letters, digits, '_' or '-'");
    list.push_back(ToTemplateValue(tool.value()));
  }
  return list.empty() ? Value() : Value::List(std::move(list));
}

Value ReadTemplateArguments(const JsonField& body) {
  Entries entries;
  if (const auto effort = body.FindText("reasoning_effort")) {
    entries.emplace_back("enable_thinking", Value::Bool(*effort != "none"));
  }
  if (const auto arguments = body.Find("chat_template_kwargs")) {
    for (const auto& [key, value] : arguments->Object()) {
      entries.emplace_back(std::string(key), ToTemplateValue(value));
    }
  }
  return Value::Object(std::move(entries));
}

}  // namespace

Value ToTemplateValue(const json::value& value) {
  switch (value.kind()) {
    case json::kind::null:
      return {};
    case json::kind::bool_:
      return Value::Bool(value.get_bool());
    case json::kind::int64:
      return Value::Int(value.get_int64());
    case json::kind::uint64:
      return Value::Integer(std::to_string(value.get_uint64()));
    case json::kind::double_:
      return Value::Float(value.get_double());
    case json::kind::string:
      return Value::String(std::string_view(value.get_string()));
    case json::kind::array: {
      std::vector<Value> items;
      for (const json::value& item : value.get_array()) items.push_back(ToTemplateValue(item));
      return Value::List(std::move(items));
    }
    case json::kind::object: {
      Entries entries;
      for (const auto& [key, item] : value.get_object()) {
        entries.emplace_back(std::string(key), ToTemplateValue(item));
      }
      return Value::Object(std::move(entries));
    }
  }
  return {};
}

text::ChatInput ReadChat(const JsonField& body) {
  const JsonField messages = body.Need("messages");
  const std::vector<JsonField> items = messages.List();
  if (items.empty()) messages.Refuse("at least one message");
  if (items.size() > kMaxMessages) messages.Refuse("at most 4096 messages");
  std::vector<Value> list;
  for (const JsonField& item : items) list.push_back(ReadMessage(item));
  text::ChatInput input;
  input.messages = Value::List(std::move(list));
  const auto choice = body.Find("tool_choice");
  const bool no_tools = choice && choice->value().is_string() && choice->Text() == "none";
  if (const auto tools = body.Find("tools")) {
    Value read = ReadTools(*tools);
    if (!no_tools) input.tools = std::move(read);
  }
  input.kwargs = ReadTemplateArguments(body);
  input.add_generation_prompt = body.FindFlag("add_generation_prompt").value_or(true);
  input.continue_final_message = body.FindFlag("continue_final_message").value_or(false);
  if (input.continue_final_message) input.add_generation_prompt = false;
  return input;
}

}  // namespace hyprstream::server
