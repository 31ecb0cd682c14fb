// Statements and the tags around them.
#include <algorithm>
#include <utility>

#include "text/template/parser.h"

namespace hyprstream::text::tmpl {

// Statements up to a tag that begins with one of `ends`, which is left as the next token; with no
// ends, up to the end of the template.
Body Parser::ParseBody(const Words& ends) {
  const Nesting nesting(depth_, limits_.depth);
  Body body;
  while (true) {
    switch (Peek().kind) {
      case TokenKind::kText: {
        auto text = NewStmt(StmtKind::kText);
        CountBytes(Peek().text.size());
        text->value = Value::String(Take().text);
        body.push_back(std::move(text));
        break;
      }
      case TokenKind::kVariableBegin: {
        auto print = NewStmt(StmtKind::kPrint);
        Take();
        print->expr = ParseTuple();
        if (Peek().kind == TokenKind::kEnd) {
          Fail("unexpected end of template, expected 'end of print statement'.");
        }
        if (Peek().kind != TokenKind::kVariableEnd) {
          Fail("expected token 'end of print statement', got '" + Describe(Peek()) + "'");
        }
        Take();
        body.push_back(std::move(print));
        break;
      }
      case TokenKind::kBlockBegin: {
        Take();
        if (std::any_of(ends.begin(), ends.end(), [this](auto end) { return IsName(end); })) {
          return body;
        }
        body.push_back(ParseStatement());
        ExpectBlockEnd();
        break;
      }
      default:
        if (!ends.empty()) FailEnd(ends);
        return body;
    }
  }
}

// The rest of an opening tag, then a body.
Body Parser::ParseBlockBody(const Words& ends) {
  ExpectBlockEnd();
  return ParseBody(ends);
}

Body Parser::ParseScopedBody(const Words& ends) {
  const size_t unknown = OpenScope();
  Body body = ParseBlockBody(ends);
  CloseScope(unknown);
  return body;
}

std::unique_ptr<Stmt> Parser::ParseStatement() {
  if (Peek().kind != TokenKind::kName) Fail("tag name expected");
  const std::string tag = Peek().text;
  open_blocks_.push_back("");
  struct Pop {
    Words& words;
    ~Pop() { words.pop_back(); }
  } pop{open_blocks_};
  open_blocks_.back() = Peek().text == "for"     ? "for"
                        : Peek().text == "if"    ? "if"
                        : Peek().text == "macro" ? "macro"
                        : Peek().text == "set"   ? "set"
                                                 : "block";
  if (tag == "for") return ParseFor();
  if (tag == "if") return ParseIf();
  if (tag == "set") return ParseSet();
  if (tag == "macro") return ParseMacro();
  if (tag == "call") return ParseCallBlock();
  if (tag == "filter") return ParseFilterBlock();
  if (tag == "with") return ParseWith();
  if (tag == "block") return ParseBlock();
  if (tag == "autoescape") return ParseAutoescape();
  if (tag == "generation") return ParseGeneration();
  if (tag == "break") return ParseLoopControl(StmtKind::kBreak);
  if (tag == "continue") return ParseLoopControl(StmtKind::kContinue);
  if (tag == "include" || tag == "import" || tag == "from" || tag == "extends")
    return ParseLoader();
  if (tag == "print") {
    auto print = NewStmt(StmtKind::kPrint);
    Take();
    print->expr = ParseTuple();
    return print;
  }
  Fail("Encountered unknown tag '" + tag + "'.");
}

std::unique_ptr<Stmt> Parser::ParseFor() {
  auto loop = NewStmt(StmtKind::kFor);
  Take();
  loop->target = ParseTarget({"in"});
  if (!SkipName("in")) Fail("expected token 'in', got '" + Describe(Peek()) + "'");
  loop->expr = ParseTuple(Conditionals::kNot, {"recursive"});
  const size_t unknown = OpenScope();
  if (SkipName("if")) loop->condition = ParseExpression();
  loop->recursive = SkipName("recursive");
  ++loops_;
  loop->body = ParseBlockBody({"endfor", "else"});
  --loops_;
  if (Take().text == "else") {
    loop->orelse = ParseBlockBody({"endfor"});
    Take();
  }
  CloseScope(unknown);
  return loop;
}

std::unique_ptr<Stmt> Parser::ParseIf() {
  auto branch = NewStmt(StmtKind::kIf);
  const size_t unknown = OpenScope();
  std::string word = Take().text;
  while (word == "if" || word == "elif") {
    ExprPtr condition = ParseTuple(Conditionals::kNot);
    Body body = ParseBlockBody({"elif", "else", "endif"});
    branch->branches.emplace_back(std::move(condition), std::move(body));
    word = Take().text;
  }
  if (word == "else") {
    branch->orelse = ParseBlockBody({"endif"});
    Take();
  }
  Forgive(unknown);
  return branch;
}

std::unique_ptr<Stmt> Parser::ParseSet() {
  auto set = NewStmt(StmtKind::kSet);
  Take();
  set->target = ParseTarget({});
  if (SkipOperator("=")) {
    set->expr = ParseTuple();
    return set;
  }
  set->kind = StmtKind::kSetBlock;
  if (IsOperator("|")) set->expr = ParseFilters(nullptr, false);
  set->body = ParseScopedBody({"endset"});
  Take();
  return set;
}

void Parser::ParseSignature(Macro& macro) {
  ExpectOperator("(");
  while (!IsOperator(")")) {
    if (!macro.parameters.empty()) ExpectOperator(",");
    if (IsOperator(")")) break;
    const std::string name = ExpectName().text;
    macro.parameters.emplace_back(Intern(name), name);
    if (SkipOperator("=")) {
      macro.defaults.push_back(ParseExpression());
    } else if (!macro.defaults.empty()) {
      Fail("non-default argument follows default argument");
    }
  }
  ExpectOperator(")");
}

// A macro's body is a function of its own: loops outside cannot be left from it.
void Parser::ParseMacroBody(Macro& macro, std::string_view end) {
  const int outer_loops = std::exchange(loops_, 0);
  macros_.push_back(&macro);
  macro.body = ParseScopedBody({end});
  macros_.pop_back();
  loops_ = outer_loops;
  Take();
}

std::unique_ptr<Stmt> Parser::ParseMacro() {
  auto statement = NewStmt(StmtKind::kMacro);
  Take();
  statement->macro = std::make_unique<Macro>();
  CountBytes(sizeof(Macro));
  Macro& macro = *statement->macro;
  macro.text = ExpectName().text;
  macro.name = Intern(macro.text);
  const size_t unknown = OpenScope();
  ParseSignature(macro);
  CloseScope(unknown);
  ParseMacroBody(macro, "endmacro");
  return statement;
}

std::unique_ptr<Stmt> Parser::ParseCallBlock() {
  auto statement = NewStmt(StmtKind::kCall);
  Take();
  statement->macro = std::make_unique<Macro>();
  CountBytes(sizeof(Macro));
  statement->macro->text = "caller";
  if (IsOperator("(")) ParseSignature(*statement->macro);
  statement->expr = ParseExpression();
  if (statement->expr->kind != ExprKind::kCall) Fail("expected call");
  ParseMacroBody(*statement->macro, "endcall");
  return statement;
}

std::unique_ptr<Stmt> Parser::ParseFilterBlock() {
  auto statement = NewStmt(StmtKind::kFilterBlock);
  Take();
  statement->expr = ParseFilters(nullptr, true);
  statement->body = ParseScopedBody({"endfilter"});
  Take();
  return statement;
}

std::unique_ptr<Stmt> Parser::ParseWith() {
  auto statement = NewStmt(StmtKind::kWith);
  Take();
  while (Peek().kind != TokenKind::kBlockEnd) {
    if (!statement->bindings.empty()) ExpectOperator(",");
    ExprPtr target = ParseTargetItem();
    ExpectOperator("=");
    statement->bindings.emplace_back(std::move(target), ParseExpression());
  }
  statement->body = ParseScopedBody({"endwith"});
  Take();
  return statement;
}

std::unique_ptr<Stmt> Parser::ParseBlock() {
  auto statement = NewStmt(StmtKind::kScope);
  Take();
  const std::string name = ExpectName().text;
  while (SkipName("scoped") || SkipName("required")) {
  }
  const int outer_loops = std::exchange(loops_, 0);
  statement->body = ParseScopedBody({"endblock"});
  loops_ = outer_loops;
  Take();
  SkipName(name);
  return statement;
}

std::unique_ptr<Stmt> Parser::ParseAutoescape() {
  auto statement = NewStmt(StmtKind::kAutoescape);
  Take();
  const ExprPtr value = ParseExpression();
  if (value->kind == ExprKind::kConstant && !Truthy(value->value)) {
    statement->kind = StmtKind::kScope;
  }
  statement->body = ParseScopedBody({"endautoescape"});
  Take();
  return statement;
}

// transformers marks with it what the assistant said; the text is printed as it is.
std::unique_ptr<Stmt> Parser::ParseGeneration() {
  auto statement = NewStmt(StmtKind::kScope);
  Take();
  const int outer_loops = std::exchange(loops_, 0);
  statement->body = ParseScopedBody({"endgeneration"});
  loops_ = outer_loops;
  Take();
  return statement;
}

// Other templates cannot be reached from here; their tags parse, and running one is an error.
std::unique_ptr<Stmt> Parser::ParseLoader() {
  auto statement = NewStmt(StmtKind::kNeedsLoader);
  const std::string tag = Take().text;
  ParseExpression();
  while (Peek().kind == TokenKind::kName || IsOperator(",")) Take();
  return statement;
}

std::unique_ptr<Stmt> Parser::ParseLoopControl(StmtKind kind) {
  if (loops_ == 0) Fail("'" + Peek().text + "' outside loop");
  auto statement = NewStmt(kind);
  Take();
  return statement;
}

void Parser::RequireAssignable(const Expr& target) const {
  const auto fail = [this](std::string_view what) {
    Fail("can't assign to '" + std::string(what) + "'");
  };
  switch (target.kind) {
    case ExprKind::kName:
    case ExprKind::kNamespaceRef:
      return;
    case ExprKind::kTuple:
    case ExprKind::kList:
      for (const ExprPtr& item : target.operands) RequireAssignable(*item);
      return;
    case ExprKind::kConstant:
      fail("const");
      break;
    case ExprKind::kAttribute:
      fail("getattr");
      break;
    case ExprKind::kItem:
    case ExprKind::kSlice:
      fail("getitem");
      break;
    default:
      fail("expression");
      break;
  }
}

// A name, namespace.attribute, or a tuple of them in parentheses.
ExprPtr Parser::ParseTargetItem() {
  ExprPtr item;
  if (Peek().kind == TokenKind::kName && PeekNext().kind == TokenKind::kOperator &&
      PeekNext().text == ".") {
    item = NewExpr(ExprKind::kNamespaceRef);
    const std::string name = Take().text;
    item->name = Intern(name);
    Take();
    item->text = ExpectName().text;
    return item;
  }
  const Nesting nesting(depth_, limits_.depth);
  item = SkipOperator("(") ? ParseTarget({}) : ParsePrimary();
  if (IsOperator(")") && item->kind == ExprKind::kTuple) Take();
  RequireAssignable(*item);
  return item;
}

ExprPtr Parser::ParseTarget(const Words& ends) {
  ExprPtr first = ParseTargetItem();
  if (!IsOperator(",")) return first;
  ExprPtr tuple = Adopt(NewExpr(ExprKind::kTuple), std::move(first));
  while (SkipOperator(",")) {
    const bool at_end = IsOperator("=") || Peek().kind == TokenKind::kBlockEnd ||
                        std::any_of(ends.begin(), ends.end(), [this](auto e) { return IsName(e); });
    if (at_end) break;
    tuple = Adopt(std::move(tuple), ParseTargetItem());
  }
  return tuple;
}

}  // namespace hyprstream::text::tmpl
