#include "cli/document_yaml.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>

#include "cli/document_json.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

/// Letters, digits and a few harmless characters, beginning with a letter, and not one of the words
/// that YAML 1.1 or 1.2 reads as something else.
bool IsPlain(std::string_view text) {
  if (text.empty() || std::isalpha(static_cast<unsigned char>(text.front())) == 0) return false;
  if (text.back() == ' ') return false;
  const bool harmless = std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.' ||
           c == '/' || c == ' ' || c == '(' || c == ')';
  });
  if (!harmless) return false;
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (const char* word :
       {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}) {
    if (lower == word) return false;
  }
  return true;
}

std::string Scalar(const json::value& value) {
  if (const json::string* string = value.if_string()) {
    return IsPlain(*string) ? std::string(*string) : json::serialize(*string);
  }
  if (value.is_double()) return NumberText(value.get_double());
  return json::serialize(value);
}

bool IsScalar(const json::value& value) {
  return !(value.is_object() && !value.get_object().empty()) &&
         !(value.is_array() && !value.get_array().empty());
}

/// Appends the value after "key:" or "-", whose own indentation is `depth`.
void Append(const json::value& value, size_t depth, std::string& out) {
  const std::string indent(depth * 2, ' ');
  if (const json::object* object = value.if_object()) {
    for (const auto& [key, member] : *object) {
      out += indent + Scalar(json::string(key)) + ":";
      if (IsScalar(member)) {
        out += " " + Scalar(member) + "\n";
      } else {
        out += "\n";
        Append(member, depth + 1, out);
      }
    }
  } else if (const json::array* array = value.if_array()) {
    for (const json::value& item : *array) {
      if (IsScalar(item)) {
        out += indent + "- " + Scalar(item) + "\n";
        continue;
      }
      std::string nested;
      Append(item, depth + 1, nested);
      out += indent + "- " + nested.substr((depth + 1) * 2);
    }
  }
}

}  // namespace

std::string RenderYaml(const json::value& document) {
  if (IsScalar(document)) return Scalar(document) + "\n";
  std::string out;
  Append(document, 0, out);
  return out;
}

}  // namespace hyprstream::cli
