#include "server/http/response_format.h"

#include <algorithm>
#include <cctype>

#include "engine/reasoning.h"
#include "server/http/chat_input.h"

namespace hyprstream::server {
namespace {

using engine::AnswerForm;

AnswerForm OfSchema(const JsonField& schema) {
  if (!schema.value().is_bool()) (void)schema.Object();
  return {.kind = AnswerForm::Kind::kSchema,
          .schema = ToTemplateValue(schema.value()),
          .where = schema.path()};
}

void CheckName(const JsonField& name) {
  const std::string text = name.Text();
  const bool good =
      !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '_' || c == '-';
      });
  if (!good) name.Refuse("1 to 64 letters, digits, '_' or '-'");
}

}  // namespace

std::optional<AnswerForm> ReadResponseFormat(const JsonField& body) {
  const auto format = body.Find("response_format");
  if (!format) return std::nullopt;
  const JsonField type = format->Need("type");
  const std::string name = type.Text();
  if (name == "text") return std::nullopt;
  if (name == "json_object") {
    if (const auto schema = format->Find("schema")) return OfSchema(*schema);
    return AnswerForm{};
  }
  if (name != "json_schema") type.Refuse("text, json_object or json_schema");
  const JsonField described = format->Need("json_schema");
  CheckName(described.Need("name"));
  (void)described.FindFlag("strict");  // what is asked for is kept to in any case
  return OfSchema(described.Need("schema"));
}

std::optional<AnswerForm> ReadOllamaFormat(const JsonField& body) {
  const auto format = body.Find("format");
  if (!format) return std::nullopt;
  if (!format->value().is_string()) return OfSchema(*format);
  const std::string name = format->Text();
  if (name.empty()) return std::nullopt;
  if (name != "json") format->Refuse("\"json\" or a JSON schema");
  return AnswerForm{};
}

AnswerForm::Reasoning ReasoningAfter(std::string_view prompt, bool reasons) {
  if (engine::ReasoningBegin(prompt) == engine::ReasoningSplitter::Begin::kInside) {
    return AnswerForm::Reasoning::kInside;
  }
  const size_t last = prompt.find_last_not_of(" \t\r\n");
  const bool over =
      last != std::string_view::npos && prompt.substr(0, last + 1).ends_with("</think>");
  return reasons && !over ? AnswerForm::Reasoning::kMayCome : AnswerForm::Reasoning::kNone;
}

}  // namespace hyprstream::server
