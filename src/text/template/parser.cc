#include "text/template/parser.h"

#include <algorithm>
#include <utility>

namespace hyprstream::text::tmpl {

Tree Parse(std::string_view source, const TemplateLimits& limits) {
  return Parser(source, limits).Run();
}

Parser::Parser(std::string_view source, const TemplateLimits& limits)
    : lexer_(source), limits_(limits), token_(lexer_.Next()) {}

Tree Parser::Run() {
  tree_.body = ParseBody({});
  CloseScope(0);
  return std::move(tree_);
}

void Parser::Fail(const std::string& message) const {
  throw TemplateError(TemplateErrorKind::kSyntax,
                      {.message = message, .where = "line " + std::to_string(token_.line)});
}

std::string Parser::Describe(const Token& token) const {
  switch (token.kind) {
    case TokenKind::kVariableEnd:
      return "end of print statement";
    case TokenKind::kBlockEnd:
      return "end of statement block";
    case TokenKind::kVariableBegin:
      return "begin of print statement";
    case TokenKind::kBlockBegin:
      return "begin of statement block";
    case TokenKind::kEnd:
      return "end of template";
    default:
      return token.text;
  }
}

const Token& Parser::PeekNext() {
  if (!has_ahead_) {
    ahead_ = lexer_.Next();
    has_ahead_ = true;
  }
  return ahead_;
}

Token Parser::Take() {
  Token taken = std::move(token_);
  token_ = has_ahead_ ? std::move(ahead_) : lexer_.Next();
  has_ahead_ = false;
  return taken;
}

bool Parser::IsOperator(std::string_view text) const {
  return token_.kind == TokenKind::kOperator && token_.text == text;
}

bool Parser::IsName(std::string_view text) const {
  return token_.kind == TokenKind::kName && token_.text == text;
}

bool Parser::SkipOperator(std::string_view text) {
  if (!IsOperator(text)) return false;
  Take();
  return true;
}

bool Parser::SkipName(std::string_view text) {
  if (!IsName(text)) return false;
  Take();
  return true;
}

void Parser::ExpectOperator(std::string_view text) {
  if (!SkipOperator(text)) {
    Fail("expected token '" + std::string(text) + "', got '" + Describe(token_) + "'");
  }
}

Token Parser::ExpectName() {
  if (token_.kind != TokenKind::kName)
    Fail("expected token 'name', got '" + Describe(token_) + "'");
  return Take();
}

void Parser::ExpectBlockEnd() {
  if (token_.kind != TokenKind::kBlockEnd) {
    Fail("expected token 'end of statement block', got '" + Describe(token_) + "'");
  }
  Take();
}

void Parser::FailEnd(const Words& ends) const {
  std::string message = "Unexpected end of template.";
  if (!ends.empty()) {
    message += " Jinja was looking for the following tags:";
    for (const std::string_view end : ends) {
      message += (end == ends.front() ? " '" : " or '") + std::string(end) + "'";
    }
    message += ".";
  }
  if (!open_blocks_.empty()) {
    message += " The innermost block that needs to be closed is '" +
               std::string(open_blocks_.back()) + "'.";
  }
  Fail(message);
}

void Parser::CountBytes(uint64_t bytes) {
  tree_.bytes += bytes;
  if (tree_.bytes > limits_.memory_bytes) RaiseLimit("the template is too large");
}

ExprPtr Parser::NewExpr(ExprKind kind) {
  CountBytes(sizeof(Expr) + 32);
  auto expr = std::make_unique<Expr>();
  expr->kind = kind;
  expr->line = token_.line;
  return expr;
}

// A null child stands for a part that was left out.
ExprPtr Parser::Adopt(ExprPtr parent, ExprPtr child) {
  if (child != nullptr) parent->depth = std::max(parent->depth, child->depth + 1);
  if (parent->depth > limits_.depth) RaiseLimit("an expression of the template nests too deeply");
  parent->operands.push_back(std::move(child));
  return parent;
}

std::unique_ptr<Stmt> Parser::NewStmt(StmtKind kind) {
  CountBytes(sizeof(Stmt) + 32);
  auto statement = std::make_unique<Stmt>();
  statement->kind = kind;
  statement->line = token_.line;
  return statement;
}

NameId Parser::Intern(const std::string& name) {
  const auto [at, is_new] = ids_.try_emplace(name, static_cast<NameId>(tree_.names.size()));
  if (is_new) {
    CountBytes(2 * name.size() + 128);
    tree_.names.push_back(name);
  }
  return at->second;
}

size_t Parser::OpenScope() { return unknown_.size(); }

void Parser::CloseScope(size_t unknown_before) {
  if (unknown_.size() > unknown_before) Fail(unknown_[unknown_before]);
}

}  // namespace hyprstream::text::tmpl
