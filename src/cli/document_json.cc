#include "cli/document_json.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

bool IsFlat(const json::array& array) {
  for (const json::value& item : array) {
    if (item.is_object() || item.is_array()) return false;
  }
  return true;
}

void AppendFlat(const json::array& array, std::string& out) {
  const char* separator = "[";
  for (const json::value& item : array) {
    out += separator;
    out += item.is_double() ? NumberText(item.get_double()) : json::serialize(item);
    separator = ", ";
  }
  out += array.empty() ? "[]" : "]";
}

void Append(const json::value& value, int depth, std::string& out) {
  const std::string indent(static_cast<size_t>(depth + 1) * 2, ' ');
  const std::string closing(static_cast<size_t>(depth) * 2, ' ');
  if (const json::object* object = value.if_object(); object && !object->empty()) {
    const char* separator = "{\n";
    for (const auto& [key, member] : *object) {
      out += separator + indent + json::serialize(json::string(key)) + ": ";
      Append(member, depth + 1, out);
      separator = ",\n";
    }
    out += "\n" + closing + "}";
    return;
  }
  const json::array* array = value.if_array();
  if (array && !IsFlat(*array)) {
    const char* separator = "[\n";
    for (const json::value& item : *array) {
      out += separator + indent;
      Append(item, depth + 1, out);
      separator = ",\n";
    }
    out += "\n" + closing + "]";
  } else if (array != nullptr) {
    AppendFlat(*array, out);
  } else {
    out += value.is_double() ? NumberText(value.get_double()) : json::serialize(value);
  }
}

}  // namespace

std::string NumberText(double value) {
  if (!std::isfinite(value)) return "null";
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  std::string text(digits, end);
  if (text.find('.') == std::string::npos) text.insert(std::min(text.find('e'), text.size()), ".0");
  return text;
}

std::string RenderJson(const json::value& document) {
  std::string out;
  Append(document, 0, out);
  out += "\n";
  return out;
}

}  // namespace hyprstream::cli
