// The syntax of Go's text/template as a tree: what go_template.cc translates. Private to text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hyprstream::text {

struct GoExpression {
  enum class Kind {
    kField,     // .A.B: names; none: the dot itself
    kVariable,  // $x.A: names[0] is "x" ("" for $)
    kText,      // "…" or `…`
    kNumber,
    kBool,
    kCall,  // text: the function; arguments
  };
  Kind kind = Kind::kField;
  std::vector<std::string> names = {};
  std::string text = {};
  std::vector<GoExpression> arguments = {};
};

struct GoNode {
  enum class Kind { kText, kPrint, kAssign, kIf, kRange, kWith, kBreak, kContinue };
  Kind kind = Kind::kText;
  std::string text = {};                    // kText
  std::vector<std::string> variables = {};  // kAssign: one; kRange: none, value, or index and value
  GoExpression expression = {};
  std::vector<GoNode> body = {};
  std::vector<GoNode> otherwise = {};
};

/// Errors: those of JinjaOfGoTemplate.
std::vector<GoNode> ParseGoTemplate(std::string_view source);

}  // namespace hyprstream::text
