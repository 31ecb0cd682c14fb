#include "cli/json_lines.h"

#include <boost/json.hpp>
#include <limits>

#include "cli/error_text.h"
#include "cli/line_reader.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

constexpr size_t kMaxDepth = 128;

bool IsBlank(const std::string& text) {
  return text.find_first_not_of(" \t\r") == std::string::npos;
}

Error InLine(const Error& error, size_t number) {
  return error.Within("line " + std::to_string(number));
}

}  // namespace

json::object ParseLine(const std::string& text) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::error_code failed;
  json::value value = json::parse(text, failed, {}, options);
  if (failed || !value.is_object()) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "the line is not a JSON object",
                 .found = failed ? failed.message() : json::serialize(value).substr(0, 60)});
  }
  return std::move(value.get_object());
}

int ForEachLine(Shell& shell, const std::function<json::object(const std::string& line)>& answer) {
  const auto reader = LineReader::Create(Terminal());
  int status = 0;
  for (size_t number = 1;; ++number) {
    const LineReader::Line line = reader->Read("");
    if (line.kind != LineReader::Line::Kind::kText) return status;
    if (IsBlank(line.text)) continue;
    try {
      shell.out.Line(json::serialize(answer(line.text)));
    } catch (const Error& error) {
      PrintLineError(shell, InLine(error, number));
      status = 1;
    }
  }
}

std::vector<InputLine> ReadLines() {
  const auto reader = LineReader::Create(Terminal());
  std::vector<InputLine> lines;
  for (size_t number = 1;; ++number) {
    LineReader::Line line = reader->Read("");
    if (line.kind != LineReader::Line::Kind::kText) return lines;
    if (IsBlank(line.text)) continue;
    InputLine read{.text = std::move(line.text), .error = std::nullopt};
    try {
      ParseLine(read.text);
    } catch (const Error& error) {
      read.error = InLine(error, number);
    }
    lines.push_back(std::move(read));
  }
}

std::vector<int32_t> IdsOf(const json::object& line, const char* field) {
  const json::value* value = line.if_contains(field);
  const json::array* array = value ? value->if_array() : nullptr;
  if (array == nullptr) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = std::string("\"") + field + "\" is missing",
                 .expected = std::string("{\"") + field + "\": [1, 2, …]}"});
  }
  std::vector<int32_t> ids;
  ids.reserve(array->size());
  for (const json::value& item : *array) {
    json::error_code failed;
    const int64_t id = item.is_number() ? item.to_number<int64_t>(failed) : -1;
    if (!item.is_number() || failed || id < std::numeric_limits<int32_t>::min() ||
        id > std::numeric_limits<int32_t>::max()) {
      throw Error(ErrorCode::kInvalidArgument,
                  {.message = "this is not a token id",
                   .expected = "an integer of 32 bits",
                   .found = json::serialize(item).substr(0, 60),
                   .where = std::string(field) + "[" + std::to_string(ids.size()) + "]"});
    }
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

std::string TextOf(const json::object& line, const char* field) {
  const json::value* value = line.if_contains(field);
  if (value == nullptr || !value->is_string()) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = std::string("\"") + field + "\" is missing or not a string",
                 .expected = std::string("{\"") + field + "\": \"…\"}"});
  }
  return std::string(value->get_string());
}

void PrintLineError(Shell& shell, const Error& error) {
  shell.out.Line(json::serialize(ErrorDocument(error)));
}

}  // namespace hyprstream::cli
