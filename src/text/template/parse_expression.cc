// Expressions from the loosest operator to the tightest.
#include <algorithm>
#include <utility>

#include "text/template/parser.h"

namespace hyprstream::text::tmpl {

ExprPtr Parser::ParseExpression(Conditionals conditionals) {
  const Nesting nesting(depth_, limits_.depth);
  if (conditionals == Conditionals::kNot) return ParseOr();
  const size_t unknown = OpenScope();
  ExprPtr expr = ParseOr();
  while (IsName("if")) {
    ExprPtr node = NewExpr(ExprKind::kConditional);
    Take();
    node = Adopt(std::move(node), ParseOr());
    node = Adopt(std::move(node), std::move(expr));
    node = Adopt(std::move(node), SkipName("else") ? ParseExpression() : nullptr);
    Forgive(unknown);
    expr = std::move(node);
  }
  return expr;
}

ExprPtr Parser::ParseOr() {
  ExprPtr left = ParseAnd();
  while (IsName("or")) {
    ExprPtr node = NewExpr(ExprKind::kOr);
    Take();
    node = Adopt(std::move(node), std::move(left));
    left = Adopt(std::move(node), ParseAnd());
  }
  return left;
}

ExprPtr Parser::ParseAnd() {
  ExprPtr left = ParseNot();
  while (IsName("and")) {
    ExprPtr node = NewExpr(ExprKind::kAnd);
    Take();
    node = Adopt(std::move(node), std::move(left));
    left = Adopt(std::move(node), ParseNot());
  }
  return left;
}

ExprPtr Parser::ParseNot() {
  if (!IsName("not")) return ParseCompare();
  const Nesting nesting(depth_, limits_.depth);
  ExprPtr node = NewExpr(ExprKind::kNot);
  Take();
  return Adopt(std::move(node), ParseNot());
}

ExprPtr Parser::ParseCompare() {
  constexpr std::pair<std::string_view, CompareOp> kOperators[] = {
      {"==", CompareOp::kEqual},  {"!=", CompareOp::kNotEqual},
      {"<", CompareOp::kLess},    {"<=", CompareOp::kLessEqual},
      {">", CompareOp::kGreater}, {">=", CompareOp::kGreaterEqual}};
  ExprPtr first = ParseSum();
  ExprPtr node;
  while (true) {
    const auto found = std::find_if(std::begin(kOperators), std::end(kOperators),
                                    [this](const auto& op) { return IsOperator(op.first); });
    CompareOp op = CompareOp::kIn;
    if (found != std::end(kOperators)) {
      op = found->second;
      Take();
    } else if (IsName("in")) {
      Take();
    } else if (IsName("not") && PeekNext().kind == TokenKind::kName && PeekNext().text == "in") {
      op = CompareOp::kNotIn;
      Take();
      Take();
    } else {
      break;
    }
    if (node == nullptr) node = Adopt(NewExpr(ExprKind::kCompare), std::move(first));
    node->comparisons.push_back(op);
    node = Adopt(std::move(node), ParseSum());
  }
  return node == nullptr ? std::move(first) : std::move(node);
}

ExprPtr Parser::Arithmetic2(Arithmetic op, ExprPtr left, ExprPtr right) {
  ExprPtr node = NewExpr(ExprKind::kArithmetic);
  node->arithmetic = op;
  node = Adopt(std::move(node), std::move(left));
  return Adopt(std::move(node), std::move(right));
}

ExprPtr Parser::ParseSum() {
  ExprPtr left = ParseConcat();
  while (IsOperator("+") || IsOperator("-")) {
    const Arithmetic op = IsOperator("+") ? Arithmetic::kAdd : Arithmetic::kSubtract;
    Take();
    left = Arithmetic2(op, std::move(left), ParseConcat());
  }
  return left;
}

ExprPtr Parser::ParseConcat() {
  ExprPtr first = ParseProduct();
  if (!IsOperator("~")) return first;
  ExprPtr node = Adopt(NewExpr(ExprKind::kConcat), std::move(first));
  while (SkipOperator("~")) node = Adopt(std::move(node), ParseProduct());
  return node;
}

ExprPtr Parser::ParseProduct() {
  ExprPtr left = ParsePower();
  while (IsOperator("*") || IsOperator("/") || IsOperator("//") || IsOperator("%")) {
    const Arithmetic op = IsOperator("*")    ? Arithmetic::kMultiply
                          : IsOperator("/")  ? Arithmetic::kDivide
                          : IsOperator("//") ? Arithmetic::kFloorDivide
                                             : Arithmetic::kModulo;
    Take();
    left = Arithmetic2(op, std::move(left), ParsePower());
  }
  return left;
}

// Groups from the left, as jinja2 does and Python does not.
ExprPtr Parser::ParsePower() {
  ExprPtr left = ParseUnary();
  while (SkipOperator("**")) left = Arithmetic2(Arithmetic::kPower, std::move(left), ParseUnary());
  return left;
}

ExprPtr Parser::ParseUnary(Filters filters) {
  const Nesting nesting(depth_, limits_.depth);
  ExprPtr node;
  if (IsOperator("-") || IsOperator("+")) {
    node = NewExpr(IsOperator("-") ? ExprKind::kNegative : ExprKind::kPositive);
    Take();
    node = Adopt(std::move(node), ParseUnary(Filters::kNot));
  } else {
    node = ParsePrimary();
  }
  node = ParsePostfix(std::move(node));
  return filters == Filters::kAllowed ? ParseFilterExpression(std::move(node)) : std::move(node);
}

ExprPtr Parser::ParseTuple(Conditionals conditionals, const Words& ends) {
  std::vector<ExprPtr> items;
  bool is_tuple = false;
  while (true) {
    const bool at_end =
        Peek().kind == TokenKind::kVariableEnd || Peek().kind == TokenKind::kBlockEnd ||
        IsOperator(")") ||
        std::any_of(ends.begin(), ends.end(), [this](std::string_view e) { return IsName(e); });
    if (at_end) break;
    items.push_back(ParseExpression(conditionals));
    if (!SkipOperator(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (items.empty()) Fail("Expected an expression, got '" + Describe(Peek()) + "'");
    return std::move(items.front());
  }
  ExprPtr node = NewExpr(ExprKind::kTuple);
  for (ExprPtr& item : items) node = Adopt(std::move(node), std::move(item));
  return node;
}

}  // namespace hyprstream::text::tmpl
