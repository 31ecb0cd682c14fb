// Template source to syntax tree, with jinja2's grammar and precedence.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/template/ast.h"
#include "text/template/lexer.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {

/// Errors: TemplateError kSyntax naming the line, kLimit when the source is too large or nests too
/// deeply.
Tree Parse(std::string_view source, const TemplateLimits& limits);

/// One parse. Filters and tests that do not exist are errors at once, except in a branch that may
/// not run, where only running it is one.
class Parser {
 public:
  Parser(std::string_view source, const TemplateLimits& limits);
  Tree Run();

 private:
  using Words = std::vector<std::string_view>;
  enum class Conditionals { kAllowed, kNot };
  enum class Filters { kAllowed, kNot };

  // parser.cc: tokens and bookkeeping
  const Token& Peek() const { return token_; }
  const Token& PeekNext();
  Token Take();
  bool IsOperator(std::string_view text) const;
  bool IsName(std::string_view text) const;
  bool SkipOperator(std::string_view text);
  bool SkipName(std::string_view text);
  void ExpectOperator(std::string_view text);
  Token ExpectName();
  void ExpectBlockEnd();
  [[noreturn]] void Fail(const std::string& message) const;
  [[noreturn]] void FailEnd(const Words& ends) const;
  std::string Describe(const Token& token) const;
  ExprPtr NewExpr(ExprKind kind);
  ExprPtr Adopt(ExprPtr parent, ExprPtr child);
  std::unique_ptr<Stmt> NewStmt(StmtKind kind);
  void CountBytes(uint64_t bytes);
  NameId Intern(const std::string& name);

  // Names of filters and tests that do not exist, until their scope ends or they turn out to stand
  // in a branch.
  size_t OpenScope();
  void CloseScope(size_t unknown_before);
  void Forgive(size_t unknown_before) { unknown_.resize(unknown_before); }

  // parse_statement.cc
  Body ParseBody(const Words& ends);
  Body ParseBlockBody(const Words& ends);
  Body ParseScopedBody(const Words& ends);
  std::unique_ptr<Stmt> ParseStatement();
  std::unique_ptr<Stmt> ParseFor();
  std::unique_ptr<Stmt> ParseIf();
  std::unique_ptr<Stmt> ParseSet();
  std::unique_ptr<Stmt> ParseMacro();
  std::unique_ptr<Stmt> ParseCallBlock();
  std::unique_ptr<Stmt> ParseFilterBlock();
  std::unique_ptr<Stmt> ParseWith();
  std::unique_ptr<Stmt> ParseBlock();
  std::unique_ptr<Stmt> ParseAutoescape();
  std::unique_ptr<Stmt> ParseGeneration();
  std::unique_ptr<Stmt> ParseLoader();
  std::unique_ptr<Stmt> ParseLoopControl(StmtKind kind);
  void ParseSignature(Macro& macro);
  void ParseMacroBody(Macro& macro, std::string_view end);
  ExprPtr ParseTarget(const Words& ends);
  ExprPtr ParseTargetItem();
  void RequireAssignable(const Expr& target) const;

  // parse_expression.cc
  ExprPtr ParseExpression(Conditionals conditionals = Conditionals::kAllowed);
  ExprPtr ParseOr();
  ExprPtr ParseAnd();
  ExprPtr ParseNot();
  ExprPtr ParseCompare();
  ExprPtr ParseSum();
  ExprPtr ParseConcat();
  ExprPtr ParseProduct();
  ExprPtr ParsePower();
  ExprPtr ParseUnary(Filters filters = Filters::kAllowed);
  ExprPtr ParseTuple(Conditionals conditionals = Conditionals::kAllowed, const Words& ends = {});
  ExprPtr Arithmetic2(Arithmetic op, ExprPtr left, ExprPtr right);

  // parse_primary.cc
  ExprPtr ParsePrimary();
  ExprPtr ParseNameOrConstant();
  ExprPtr ParseNumber();
  ExprPtr ParseParenthesis();
  ExprPtr ParseList();
  ExprPtr ParseObject();
  ExprPtr ParsePostfix(ExprPtr node);
  ExprPtr ParseFilterExpression(ExprPtr node);
  ExprPtr ParseSubscript(ExprPtr node);
  ExprPtr ParseFilters(ExprPtr node, bool inline_start);
  ExprPtr ParseTest(ExprPtr node);
  ExprPtr ParseCall(ExprPtr node);
  void ParseArguments(Expr& call);

  Lexer lexer_;
  TemplateLimits limits_;
  Token token_;
  Token ahead_;
  bool has_ahead_ = false;
  int depth_ = 0;
  int loops_ = 0;  // enclosing loops that break and continue can reach
  std::vector<Macro*> macros_;
  std::vector<std::string> unknown_;
  Words open_blocks_;
  std::unordered_map<std::string, NameId> ids_;
  Tree tree_;
};

}  // namespace hyprstream::text::tmpl
