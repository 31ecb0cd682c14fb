#include "cli/document_json.h"

#include <boost/json.hpp>

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

bool IsFlat(const json::array& array) {
  for (const json::value& item : array) {
    if (item.is_object() || item.is_array()) return false;
  }
  return true;
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
  } else if (const json::array* array = value.if_array(); array && !IsFlat(*array)) {
    const char* separator = "[\n";
    for (const json::value& item : *array) {
      out += separator + indent;
      Append(item, depth + 1, out);
      separator = ",\n";
    }
    out += "\n" + closing + "]";
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

std::string RenderJson(const json::value& document) {
  std::string out;
  Append(document, 0, out);
  out += "\n";
  return out;
}

}  // namespace hyprstream::cli
