#include "server/http/training_lines.h"

#include <algorithm>

#include "base/error.h"
#include "server/http/chat_input.h"
#include "server/http/error_reply.h"
#include "server/http/json_fields.h"

namespace hyprstream::server {
namespace {

constexpr std::string_view kSpaces = " \t\r";

void CheckLine(const JsonField& line) {
  (void)ReadChat(line);
  bool learnt = false;
  const JsonField messages = line.Need("messages");
  for (const JsonField& message : messages.List()) {
    const auto weight = message.Find("weight");
    const bool answer = message.Need("role").Text() == "assistant";
    if (weight && !answer) weight->Refuse("a weight with an assistant's message only");
    const bool wanted = !weight || weight->Integer(0, 1) == 1;
    learnt = learnt || (answer && wanted);
  }
  if (!learnt) messages.Refuse("a message of the assistant that does not have weight 0");
}

Error OfLine(int64_t number, const Error& error) {
  std::string message = "line " + std::to_string(number);
  if (!error.detail().where.empty()) message += ", field " + error.detail().where;
  return Error(ErrorCode::kInvalidArgument,
               {.message = message + ": " + MessageOf(error), .where = "file"});
}

}  // namespace

std::vector<std::string> ReadTrainingLines(std::string_view text) {
  std::vector<std::string> lines;
  int64_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view line = text.substr(begin, end - begin);
    begin = end + 1;
    ++number;
    if (line.find_first_not_of(kSpaces) == std::string_view::npos) continue;
    try {
      const boost::json::value document = ParseJsonText(line);
      CheckLine(JsonField(document, ""));
    } catch (const Error& error) {
      throw OfLine(number, error);
    }
    lines.emplace_back(line);
  }
  if (!lines.empty()) return lines;
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "the file has no lines",
               .expected = "one conversation a line, {\"messages\": […]}",
               .where = "file"});
}

}  // namespace hyprstream::server
