#include "text/go_template.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/error.h"
#include "text/go_template_parser.h"

namespace hyprstream::text {
namespace {

using Kind = GoExpression::Kind;

[[noreturn]] void Unknown(std::string what) {
  throw Error(ErrorCode::kUnsupported,
              {.message = "the model's Go template is not understood",
               .found = std::move(what),
               .hint = "a GGUF with its own chat template does not need it"});
}

std::string Literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      if (c == '\\' || c == '\'') out += '\\';
      out += c;
    }
  }
  return out + "'";
}

// What Ollama hands to a template. A name that Jinja does not know is undefined, which is false.
const std::map<std::string, std::string, std::less<>> kRoot = {
    {"System", "g.system"},     {"Prompt", "g.prompt"},
    {"Response", "g.response"}, {"Messages", "messages"},
    {"Tools", "tools"},         {"Think", "enable_thinking"},
    {"Suffix", "g.none"},       {"IsThinkSet", "(enable_thinking is defined)"},
    {"ThinkLevel", "g.none"},   {"Last", "g.none"}};
const std::map<std::string, std::string, std::less<>> kFields = {{"Role", "role"},
                                                                 {"Content", "content"},
                                                                 {"Thinking", "reasoning_content"},
                                                                 {"ToolCalls", "tool_calls"},
                                                                 {"ToolName", "name"},
                                                                 {"Function", "function"},
                                                                 {"Name", "name"},
                                                                 {"Arguments", "arguments"},
                                                                 {"Description", "description"},
                                                                 {"Parameters", "parameters"},
                                                                 {"Type", "type"},
                                                                 {"Images", "images"},
                                                                 {"ID", "id"},
                                                                 {"ToolCallID", "tool_call_id"}};
const std::map<std::string, std::string, std::less<>> kComparisons = {
    {"ne", "!="}, {"lt", "<"}, {"le", "<="}, {"gt", ">"}, {"ge", ">="}};

bool Mentions(const GoExpression& expression, std::string_view root_field) {
  const size_t first = expression.kind == Kind::kVariable ? 1 : 0;
  const bool field = expression.kind == Kind::kField || expression.kind == Kind::kVariable;
  if (field && expression.names.size() > first && expression.names[first] == root_field) {
    return true;
  }
  return std::ranges::any_of(expression.arguments, [&](const GoExpression& argument) {
    return Mentions(argument, root_field);
  });
}

bool Mentions(const std::vector<GoNode>& nodes, std::string_view root_field) {
  return std::ranges::any_of(nodes, [&](const GoNode& node) {
    return Mentions(node.expression, root_field) || Mentions(node.body, root_field) ||
           Mentions(node.otherwise, root_field);
  });
}

class Translator {
 public:
  /// kUntilResponse: an answer is to follow, so what comes after the answer's place is left out.
  enum class Until { kEnd, kResponse };
  explicit Translator(Until until) : until_(until) {}

  std::string Nodes(const std::vector<GoNode>& nodes) {
    std::string out;
    for (const GoNode& node : nodes) {
      if (cut_) break;
      out += Node(node);
    }
    return out;
  }

 private:
  std::string Node(const GoNode& node) {
    switch (node.kind) {
      case GoNode::Kind::kText:
        return "{{ " + Literal(node.text) + " }}";
      case GoNode::Kind::kPrint:
        return "{{ " + Noted(node.expression) + " }}";
      case GoNode::Kind::kAssign:
        return Assign(node.variables[0], Noted(node.expression));
      case GoNode::Kind::kIf:
        return If(node);
      case GoNode::Kind::kWith:
        return With(node);
      case GoNode::Kind::kRange:
        return Range(node);
      case GoNode::Kind::kBreak:
        return "{% break %}";
      case GoNode::Kind::kContinue:
        return "{% continue %}";
    }
    return {};
  }

  // The expression; where it is the answer's place, nothing after it counts.
  std::string Noted(const GoExpression& expression) {
    std::string text = Expression(expression);
    if (until_ == Until::kResponse && Mentions(expression, "Response")) cut_ = true;
    return text;
  }

  static std::string Assign(const std::string& variable, const std::string& value) {
    return "{% set g.v_" + variable + " = " + value + " %}";
  }

  std::string Else(const GoNode& node) {
    const std::string text = Nodes(node.otherwise);
    return text.empty() ? "" : "{% else %}" + text;
  }

  std::string If(const GoNode& node) {
    std::string out;
    std::string condition = Noted(node.expression);
    if (!node.variables.empty()) {
      out = Assign(node.variables[0], condition);
      condition = "g.v_" + node.variables[0];
    }
    out += "{% if " + condition + " %}" + Nodes(node.body);
    return out + Else(node) + "{% endif %}";
  }

  std::string With(const GoNode& node) {
    const std::string name =
        node.variables.empty() ? "w" + std::to_string(++made_) : node.variables[0];
    std::string out = Assign(name, Noted(node.expression));
    dots_.push_back("g.v_" + name);
    out += "{% if g.v_" + name + " %}" + Nodes(node.body);
    dots_.pop_back();
    return out + Else(node) + "{% endif %}";
  }

  std::string Range(const GoNode& node) {
    const std::string element = "e" + std::to_string(++made_);
    std::string out = "{% for " + element + " in " + Noted(node.expression) + " %}";
    if (node.variables.size() == 2) out += Assign(node.variables[0], "loop.index0");
    if (!node.variables.empty()) out += Assign(node.variables.back(), element);
    dots_.push_back(element);
    out += Nodes(node.body);
    dots_.pop_back();
    return out + Else(node) + "{% endfor %}";
  }

  std::string Fields(std::string base, const std::vector<std::string>& names, size_t from) const {
    for (size_t i = from; i < names.size(); ++i) {
      const auto known = kFields.find(names[i]);
      if (known == kFields.end()) Unknown("the field ." + names[i]);
      base += "." + known->second;
    }
    return base;
  }

  std::string RootField(const std::vector<std::string>& names, size_t from) const {
    const auto known = kRoot.find(names[from]);
    if (known == kRoot.end()) Unknown("the field ." + names[from]);
    return Fields(known->second, names, from + 1);
  }

  std::string Field(const std::vector<std::string>& names) const {
    if (!dots_.empty()) return Fields(dots_.back(), names, 0);
    if (names.empty()) Unknown("the whole of what a template is given");
    return RootField(names, 0);
  }

  std::string Variable(const std::vector<std::string>& names) const {
    if (!names[0].empty()) return Fields("g.v_" + names[0], names, 1);
    if (names.size() == 1) Unknown("the whole of what a template is given");
    return RootField(names, 1);
  }

  std::string Expression(const GoExpression& expression) const {
    switch (expression.kind) {
      case Kind::kField:
        return Field(expression.names);
      case Kind::kVariable:
        return Variable(expression.names);
      case Kind::kText:
        return Literal(expression.text);
      case Kind::kNumber:
      case Kind::kBool:
        return expression.text;
      case Kind::kCall:
        return Call(expression.text, expression.arguments);
    }
    return {};
  }

  std::string Joined(const std::vector<std::string>& parts, const std::string& between) const {
    std::string out;
    for (const std::string& part : parts) out += (out.empty() ? "" : between) + part;
    return "(" + out + ")";
  }

  std::string Call(const std::string& name, const std::vector<GoExpression>& arguments) const {
    std::vector<std::string> values;
    for (const GoExpression& argument : arguments) values.push_back(Expression(argument));
    const size_t count = values.size();
    if ((name == "and" || name == "or") && count >= 1) return Joined(values, " " + name + " ");
    if (name == "not" && count == 1) return "(not " + values[0] + ")";
    if (name == "eq" && count >= 2) {
      std::vector<std::string> equal;
      for (size_t i = 1; i < count; ++i) equal.push_back(values[0] + " == " + values[i]);
      return Joined(equal, " or ");
    }
    if (const auto found = kComparisons.find(name); found != kComparisons.end() && count == 2) {
      return "(" + values[0] + " " + found->second + " " + values[1] + ")";
    }
    if (name == "len" && count == 1) return "(" + values[0] + " | length)";
    if (name == "slice" && count == 2) return values[0] + "[" + values[1] + ":]";
    if (name == "slice" && count == 3) return values[0] + "[" + values[1] + ":" + values[2] + "]";
    if (name == "index" && count == 2) return values[0] + "[" + values[1] + "]";
    if (name == "json" && count == 1) return "(" + values[0] + " | tojson)";
    Unknown("the function " + name);
  }

  const Until until_;
  bool cut_ = false;
  int made_ = 0;
  std::vector<std::string> dots_;
};

constexpr std::string_view kBegin =
    "{%- set g = namespace(system='', prompt='', response='', none='') -%}";

// A template over .Messages sees them all, and as .System the system messages' texts.
std::string OverMessages(const std::vector<GoNode>& nodes) {
  return std::string(kBegin) +
         "{%- for m in messages -%}{%- if m.role == 'system' -%}"
         "{%- set g.system = (g.system + '\\n\\n' if g.system else '') + m.content -%}"
         "{%- endif -%}{%- endfor -%}" +
         Translator(Translator::Until::kEnd).Nodes(nodes);
}

// One over .System, .Prompt and .Response is written once for each turn; the last stops where the
// answer is to come.
std::string OverTurns(std::vector<GoNode> nodes) {
  if (!Mentions(nodes, "Response")) {
    nodes.push_back({.kind = GoNode::Kind::kPrint,
                     .text = {},
                     .variables = {},
                     .expression = {.kind = Kind::kField, .names = {"Response"}}});
  }
  const std::string turn = Translator(Translator::Until::kEnd).Nodes(nodes);
  const std::string begun = Translator(Translator::Until::kResponse).Nodes(nodes);
  const std::string flush = turn +
                            "{%- set g.system = '' -%}{%- set g.prompt = '' -%}"
                            "{%- set g.response = '' -%}";
  return std::string(kBegin) +
         "{%- for m in messages -%}"
         "{%- if m.role == 'system' -%}{%- if g.prompt or g.response -%}" +
         flush +
         "{%- endif -%}{%- set g.system = m.content -%}"
         "{%- elif m.role == 'assistant' -%}{%- set g.response = m.content -%}"
         "{%- else -%}{%- if g.response -%}" +
         flush +
         "{%- endif -%}{%- set g.prompt = m.content -%}{%- endif -%}{%- endfor -%}"
         "{%- if add_generation_prompt -%}" +
         begun + "{%- elif g.system or g.prompt or g.response -%}" + turn + "{%- endif -%}";
}

}  // namespace

std::string JinjaOfGoTemplate(std::string_view go_template) {
  std::vector<GoNode> nodes = ParseGoTemplate(go_template);
  return Mentions(nodes, "Messages") ? OverMessages(nodes) : OverTurns(std::move(nodes));
}

}  // namespace hyprstream::text
