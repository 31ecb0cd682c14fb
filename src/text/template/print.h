// Values as text: str() and repr() as Python prints them, and JSON as json.dumps writes it.
#pragma once

#include <optional>
#include <string>

#include "text/template/marked_string.h"
#include "text/template/value.h"

namespace hyprstream::text::tmpl {

/// str(value). Undefined prints nothing.
void PrintTo(TextBuilder& out, Budget& budget, const Value& value);
Value ToText(Budget& budget, const Value& value);
void ReprTo(TextBuilder& out, Budget& budget, const Value& value);
/// pprint.pformat: dictionaries sorted by key, one item a line where 80 columns do not hold it.
Value PrettyPrint(Budget& budget, const Value& value);

struct JsonStyle {
  bool ensure_ascii = false;
  bool sort_keys = false;
  std::optional<std::string> indent;  // one level's worth
  std::string item_separator = ", ";
  std::string key_separator = ": ";
};

/// json.dumps. Errors: kRuntime for what JSON has no form for, undefined included.
Value ToJson(Budget& budget, const Value& value, const JsonStyle& style);

}  // namespace hyprstream::text::tmpl
