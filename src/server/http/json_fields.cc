#include "server/http/json_fields.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace hyprstream::server {
namespace {

namespace json = boost::json;

constexpr size_t kMaxDepth = 128;
constexpr size_t kExcerpt = 80;

std::string Plain(double value) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", value);
  return text.data();
}

}  // namespace

std::string Excerpt(const json::value& value) {
  std::string text = json::serialize(value);
  if (text.size() > kExcerpt) {
    size_t end = kExcerpt;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end) + "…";
  }
  return text;
}

void JsonField::Refuse(const std::string& expected) const {
  throw Error(ErrorCode::kInvalidArgument, {.message = "wrong value for " + path_,
                                            .expected = expected,
                                            .found = Excerpt(*value_),
                                            .where = path_});
}

const json::object& JsonField::Object() const {
  if (!value_->is_object()) Refuse("an object");
  return value_->get_object();
}

std::vector<JsonField> JsonField::List() const {
  if (!value_->is_array()) Refuse("an array");
  std::vector<JsonField> items;
  const json::array& array = value_->get_array();
  items.reserve(array.size());
  for (size_t i = 0; i < array.size(); ++i) {
    items.emplace_back(array[i], path_ + "[" + std::to_string(i) + "]");
  }
  return items;
}

std::string JsonField::Text() const {
  if (!value_->is_string()) Refuse("a string");
  return std::string(value_->get_string());
}

bool JsonField::Flag() const {
  if (!value_->is_bool()) Refuse("true or false");
  return value_->get_bool();
}

double JsonField::Number(double least, double most) const {
  const auto expected = [&] { return "a number from " + Plain(least) + " to " + Plain(most); };
  if (!value_->is_number()) Refuse(expected());
  const double number = value_->to_number<double>();
  if (!std::isfinite(number) || number < least || number > most) Refuse(expected());
  return number;
}

int64_t JsonField::Integer(int64_t least, int64_t most) const {
  const auto expected = [&]() -> std::string {
    if (least == kLeast && most == kMost) return "an integer";
    if (most == kMost) return "an integer of at least " + std::to_string(least);
    return "an integer from " + std::to_string(least) + " to " + std::to_string(most);
  };
  if (!value_->is_number()) Refuse(expected());
  boost::system::error_code inexact;
  const auto number = value_->to_number<int64_t>(inexact);
  if (inexact || number < least || number > most) Refuse(expected());
  return number;
}

std::optional<JsonField> JsonField::Find(std::string_view name) const {
  const json::value* found = Object().if_contains(name);
  if (found == nullptr || found->is_null()) return std::nullopt;
  return JsonField(*found, path_.empty() ? std::string(name) : path_ + "." + std::string(name));
}

JsonField JsonField::Need(std::string_view name) const {
  if (auto found = Find(name)) return *found;
  const std::string path = path_.empty() ? std::string(name) : path_ + "." + std::string(name);
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "the request has no \"" + path + "\"", .where = path});
}

std::optional<std::string> JsonField::FindText(std::string_view name) const {
  const auto found = Find(name);
  return found ? std::optional(found->Text()) : std::nullopt;
}

std::optional<bool> JsonField::FindFlag(std::string_view name) const {
  const auto found = Find(name);
  return found ? std::optional(found->Flag()) : std::nullopt;
}

std::optional<double> JsonField::FindNumber(std::string_view name, double least,
                                            double most) const {
  const auto found = Find(name);
  return found ? std::optional(found->Number(least, most)) : std::nullopt;
}

std::optional<int64_t> JsonField::FindInteger(std::string_view name, int64_t least,
                                              int64_t most) const {
  const auto found = Find(name);
  return found ? std::optional(found->Integer(least, most)) : std::nullopt;
}

json::value ParseJsonText(std::string_view text) {
  json::parse_options options;
  options.max_depth = kMaxDepth;
  json::stream_parser parser({}, options);
  boost::system::error_code error;
  const size_t used = parser.write_some(text.data(), text.size(), error);
  if (!error && used < text.size()) error = json::error::extra_data;
  if (!error) parser.finish(error);
  if (error) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "the body is not JSON: " + error.message() + " at byte " +
                            std::to_string(used)});
  }
  return parser.release();
}

std::string WriteJsonText(const json::value& value) { return json::serialize(value); }

void AppendJsonString(std::string& out, std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

}  // namespace hyprstream::server
