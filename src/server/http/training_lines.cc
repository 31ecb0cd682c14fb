#include "server/http/training_lines.h"

#include <algorithm>
#include <utility>

#include "server/http/chat_input.h"
#include "server/http/error_reply.h"
#include "server/http/json_fields.h"
#include "text/json_value.h"

namespace hyprstream::server {
namespace {

using text::Value;
using Fields = std::vector<std::pair<std::string, Value>>;

constexpr std::string_view kSpaces = " \t\r";

Value WithWeight(const Value& message, int64_t weight) {
  Fields fields;
  for (const Value::Entry& entry : message.entries()) {
    fields.emplace_back(entry.key.as_string(), entry.value);
  }
  fields.emplace_back("weight", Value::Int(weight));
  return Value::Object(std::move(fields));
}

std::string ReadLine(const JsonField& line) {
  const text::ChatInput chat = ReadChat(line);
  std::vector<Value> read = chat.messages.items();
  bool learnt = false;
  const JsonField messages = line.Need("messages");
  const std::vector<JsonField> items = messages.List();
  for (size_t i = 0; i < items.size(); ++i) {
    const auto weight = items[i].Find("weight");
    const bool answer = items[i].Need("role").Text() == "assistant";
    if (weight && !answer) weight->Refuse("a weight with an assistant's message only");
    const bool wanted = !weight || weight->Integer(0, 1) == 1;
    learnt = learnt || (answer && wanted);
    if (!wanted) read[i] = WithWeight(read[i], 0);
  }
  if (!learnt) messages.Refuse("a message of the assistant that does not have weight 0");
  Fields sample{{"messages", Value::List(std::move(read))}};
  if (!chat.tools.is_none()) sample.emplace_back("tools", chat.tools);
  return text::WriteJson(Value::Object(std::move(sample)));
}

}  // namespace

Error OfTrainingLine(int64_t number, const Error& error) {
  std::string message = "line " + std::to_string(number);
  if (!error.detail().where.empty()) message += ", field " + error.detail().where;
  return Error(ErrorCode::kInvalidArgument,
               {.message = message + ": " + MessageOf(error), .where = "file"});
}

std::vector<TrainingLine> ReadTrainingLines(std::string_view text) {
  std::vector<TrainingLine> lines;
  int64_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(kSpaces) == std::string_view::npos) continue;
    try {
      const boost::json::value document = ParseJsonText(line);
      lines.push_back({number, ReadLine(JsonField(document, ""))});
    } catch (const Error& error) {
      throw OfTrainingLine(number, error);
    }
  }
  if (!lines.empty()) return lines;
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "the file has no lines",
               .expected = "one conversation a line, {\"messages\": […]}",
               .where = "file"});
}

}  // namespace hyprstream::server
