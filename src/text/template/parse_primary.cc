// Names, literals, and what may follow them: attributes, subscripts, calls, filters, tests.
#include <utility>

#include "text/template/builtins.h"
#include "text/template/parser.h"

namespace hyprstream::text::tmpl {

ExprPtr Parser::ParsePrimary() {
  switch (Peek().kind) {
    case TokenKind::kName:
      return ParseNameOrConstant();
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return ParseNumber();
    case TokenKind::kString: {
      ExprPtr node = NewExpr(ExprKind::kConstant);
      std::string text = Take().text;
      while (Peek().kind == TokenKind::kString) text += Take().text;
      CountBytes(text.size() + 96);
      node->value = Value::String(text);
      return node;
    }
    default:
      break;
  }
  if (IsOperator("(")) return ParseParenthesis();
  if (IsOperator("[")) return ParseList();
  if (IsOperator("{")) return ParseObject();
  if (Peek().kind == TokenKind::kEnd) {
    Fail("unexpected end of template, expected an expression");
  }
  Fail("Expected an expression, got '" + Describe(Peek()) + "'");
}

ExprPtr Parser::ParseNameOrConstant() {
  ExprPtr node = NewExpr(ExprKind::kConstant);
  const Token word = Take();
  const std::string& text = word.text;
  if (text == "true" || text == "True" || text == "false" || text == "False") {
    node->value = Value::Bool(text == "true" || text == "True");
    return node;
  }
  if (text == "none" || text == "None") return node;
  node->kind = ExprKind::kName;
  node->name = Intern(text);
  node->text = text;
  for (Macro* macro : macros_) {
    macro->uses_varargs |= text == "varargs";
    macro->uses_kwargs |= text == "kwargs";
    macro->uses_caller |= text == "caller";
  }
  return node;
}

ExprPtr Parser::ParseNumber() {
  ExprPtr node = NewExpr(ExprKind::kConstant);
  const Token token = Take();
  if (token.kind == TokenKind::kFloat) {
    node->value = Value::Float(ParseFloat(token.text).value_or(0));
    return node;
  }
  const std::optional<Value> value = ParseInteger(token.text, 0);
  if (!value.has_value()) Fail("'" + token.text + "' is no integer");
  node->value = *value;
  return node;
}

ExprPtr Parser::ParseParenthesis() {
  Take();
  if (IsOperator(")")) {
    ExprPtr empty = NewExpr(ExprKind::kTuple);
    Take();
    return empty;
  }
  ExprPtr node = ParseTuple();
  ExpectOperator(")");
  return node;
}

ExprPtr Parser::ParseList() {
  ExprPtr node = NewExpr(ExprKind::kList);
  Take();
  while (!IsOperator("]")) {
    if (!node->operands.empty()) ExpectOperator(",");
    if (IsOperator("]")) break;
    node = Adopt(std::move(node), ParseExpression());
  }
  ExpectOperator("]");
  return node;
}

ExprPtr Parser::ParseObject() {
  ExprPtr node = NewExpr(ExprKind::kObject);
  Take();
  while (!IsOperator("}")) {
    if (!node->operands.empty()) ExpectOperator(",");
    if (IsOperator("}")) break;
    node = Adopt(std::move(node), ParseExpression());
    ExpectOperator(":");
    node = Adopt(std::move(node), ParseExpression());
  }
  ExpectOperator("}");
  return node;
}

ExprPtr Parser::ParsePostfix(ExprPtr node) {
  while (true) {
    if (IsOperator(".") || IsOperator("[")) {
      node = ParseSubscript(std::move(node));
    } else if (IsOperator("(")) {
      node = ParseCall(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr Parser::ParseFilterExpression(ExprPtr node) {
  while (true) {
    if (IsOperator("|")) {
      node = ParseFilters(std::move(node), false);
    } else if (IsName("is")) {
      node = ParseTest(std::move(node));
    } else if (IsOperator("(")) {
      node = ParseCall(std::move(node));
    } else {
      return node;
    }
  }
}

ExprPtr Parser::ParseSubscript(ExprPtr node) {
  if (SkipOperator(".")) {
    ExprPtr access = NewExpr(ExprKind::kAttribute);
    if (Peek().kind == TokenKind::kInteger) {
      access->kind = ExprKind::kItem;
      access = Adopt(std::move(access), std::move(node));
      return Adopt(std::move(access), ParseNumber());
    }
    access->text = ExpectName().text;
    return Adopt(std::move(access), std::move(node));
  }
  ExprPtr access = Adopt(NewExpr(ExprKind::kItem), std::move(node));
  Take();
  if (IsOperator("]")) Fail("Expected an expression, got ']'");
  ExprPtr parts[3];
  bool is_slice = false;
  for (int part = 0; part < 3; ++part) {
    if (!IsOperator(":") && !IsOperator("]") && !IsOperator(",")) parts[part] = ParseExpression();
    if (!IsOperator(":") || part == 2) break;
    Take();
    is_slice = true;
  }
  if (is_slice) {
    access->kind = ExprKind::kSlice;
    for (ExprPtr& part : parts) access = Adopt(std::move(access), std::move(part));
    if (IsOperator(",")) Fail("a subscript of several slices is not supported");
  } else if (parts[0] == nullptr) {
    Fail("Expected an expression, got '" + Describe(Peek()) + "'");
  } else if (IsOperator(",")) {
    ExprPtr tuple = Adopt(NewExpr(ExprKind::kTuple), std::move(parts[0]));
    while (SkipOperator(",")) tuple = Adopt(std::move(tuple), ParseExpression());
    access = Adopt(std::move(access), std::move(tuple));
  } else {
    access = Adopt(std::move(access), std::move(parts[0]));
  }
  ExpectOperator("]");
  return access;
}

ExprPtr Parser::ParseFilters(ExprPtr node, bool inline_start) {
  while (inline_start || IsOperator("|")) {
    if (!inline_start) Take();
    inline_start = false;
    ExprPtr filter = NewExpr(ExprKind::kFilter);
    filter->text = ExpectName().text;
    while (SkipOperator(".")) filter->text += "." + ExpectName().text;
    if (FindFilter(filter->text) == nullptr) {
      unknown_.push_back("No filter named '" + filter->text + "'.");
    }
    filter = Adopt(std::move(filter), std::move(node));
    if (IsOperator("(")) ParseArguments(*filter);
    node = std::move(filter);
  }
  return node;
}

ExprPtr Parser::ParseTest(ExprPtr node) {
  Take();
  const bool negated = SkipName("not");
  ExprPtr test = NewExpr(ExprKind::kTest);
  test->text = ExpectName().text;
  while (SkipOperator(".")) test->text += "." + ExpectName().text;
  if (FindTest(test->text) == nullptr) unknown_.push_back("No test named '" + test->text + "'.");
  test = Adopt(std::move(test), std::move(node));
  const TokenKind kind = Peek().kind;
  const bool argument = kind == TokenKind::kName || kind == TokenKind::kString ||
                        kind == TokenKind::kInteger || kind == TokenKind::kFloat ||
                        IsOperator("[") || IsOperator("{");
  if (IsOperator("(")) {
    ParseArguments(*test);
  } else if (argument && !IsName("else") && !IsName("or") && !IsName("and")) {
    if (IsName("is")) Fail("You cannot chain multiple tests with is");
    test->arguments = std::make_unique<Arguments>();
    ExprPtr value = ParsePostfix(ParsePrimary());
    test->depth = std::max(test->depth, value->depth + 1);
    test->arguments->positional.push_back(std::move(value));
  }
  if (!negated) return test;
  return Adopt(NewExpr(ExprKind::kNot), std::move(test));
}

ExprPtr Parser::ParseCall(ExprPtr node) {
  ExprPtr call = Adopt(NewExpr(ExprKind::kCall), std::move(node));
  ParseArguments(*call);
  return call;
}

void Parser::ParseArguments(Expr& call) {
  call.arguments = std::make_unique<Arguments>();
  Arguments& arguments = *call.arguments;
  const auto parse = [&] {
    ExprPtr value = ParseExpression();
    call.depth = std::max(call.depth, value->depth + 1);
    if (call.depth > limits_.depth) RaiseLimit("an expression of the template nests too deeply");
    return value;
  };
  ExpectOperator("(");
  for (bool first = true; !IsOperator(")"); first = false) {
    if (!first) ExpectOperator(",");
    if (IsOperator(")")) break;
    if (SkipOperator("**")) {
      if (arguments.double_star != nullptr) Fail("invalid syntax for function call expression");
      arguments.double_star = parse();
    } else if (SkipOperator("*")) {
      if (arguments.star != nullptr || arguments.double_star != nullptr) {
        Fail("invalid syntax for function call expression");
      }
      arguments.star = parse();
    } else if (Peek().kind == TokenKind::kName && PeekNext().kind == TokenKind::kOperator &&
               PeekNext().text == "=") {
      if (arguments.double_star != nullptr) Fail("invalid syntax for function call expression");
      std::string name = Take().text;
      Take();
      arguments.named.emplace_back(std::move(name), parse());
    } else {
      if (arguments.star != nullptr || arguments.double_star != nullptr ||
          !arguments.named.empty()) {
        Fail("invalid syntax for function call expression");
      }
      arguments.positional.push_back(parse());
    }
  }
  ExpectOperator(")");
}

}  // namespace hyprstream::text::tmpl
