// Statements.
#include <utility>

#include "text/template/access.h"
#include "text/template/interp.h"
#include "text/template/namespace.h"
#include "text/template/print.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {

namespace {

// Puts the old output back even when a template error passes.
class OutputGuard {
 public:
  OutputGuard(TextBuilder*& slot, TextBuilder* out)
      : slot_(slot), outer_(std::exchange(slot, out)) {}
  ~OutputGuard() { slot_ = outer_; }
  OutputGuard(const OutputGuard&) = delete;
  OutputGuard& operator=(const OutputGuard&) = delete;

 private:
  TextBuilder*& slot_;
  TextBuilder* outer_;
};

}  // namespace

Interp::Flow Interp::Exec(const Body& body) {
  for (const auto& statement : body) {
    const Flow flow = ExecOne(*statement);
    if (flow != Flow::kNext) return flow;
  }
  return Flow::kNext;
}

Interp::Flow Interp::ExecOne(const Stmt& statement) {
  budget_.Step();
  const Nesting nesting(eval_depth_, budget_.limits().depth * 4);
  line_ = statement.line;
  switch (statement.kind) {
    case StmtKind::kText:
      out_->Append(StrView(statement.value));
      CheckOutput();
      break;
    case StmtKind::kPrint:
      Print(Eval(*statement.expr));
      break;
    case StmtKind::kIf:
      return ExecIf(statement);
    case StmtKind::kFor:
      return ExecFor(statement);
    case StmtKind::kSet:
      Assign(*statement.target, Eval(*statement.expr));
      break;
    case StmtKind::kSetBlock:
      return ExecSetBlock(statement);
    case StmtKind::kMacro:
      ExecMacro(statement);
      break;
    case StmtKind::kCall:
      ExecCall(statement);
      break;
    case StmtKind::kFilterBlock:
      return ExecFilterBlock(statement);
    case StmtKind::kWith:
      return ExecWith(statement);
    case StmtKind::kScope:
      return ExecScoped(statement.body);
    case StmtKind::kBreak:
      return Flow::kBreak;
    case StmtKind::kContinue:
      return Flow::kContinue;
    case StmtKind::kNeedsLoader:
      RaiseRuntime("no loader for this environment specified: a chat template stands alone");
    case StmtKind::kAutoescape:
      RaiseRuntime("autoescape is not supported in chat templates");
  }
  return Flow::kNext;
}

void Interp::CheckOutput() {
  if (root_out_->size() > budget_.limits().output_bytes) {
    RaiseLimit("the template prints too much");
  }
}

void Interp::Print(const Value& value) {
  PrintTo(*out_, budget_, value);
  CheckOutput();
}

Interp::Flow Interp::ExecIf(const Stmt& statement) {
  for (const auto& [condition, body] : statement.branches) {
    if (Truthy(Eval(*condition))) return Exec(body);
  }
  return Exec(statement.orelse);
}

Interp::Flow Interp::ExecScoped(const Body& body) {
  const ScopeGuard scope(*this);
  return Exec(body);
}

Value Interp::Capture(const Body& body, Flow& flow) {
  TextBuilder out(budget_);
  const OutputGuard guard(out_, &out);
  flow = Exec(body);
  return out.Finish();
}

Interp::Flow Interp::ExecSetBlock(const Stmt& statement) {
  Flow flow = Flow::kNext;
  Value text;
  {
    const ScopeGuard scope(*this);
    text = Capture(statement.body, flow);
  }
  if (flow != Flow::kNext) return flow;
  // Filters in the tag wrap each other: the innermost has no operand of its own.
  if (statement.expr != nullptr) text = FilterChain(*statement.expr, std::move(text));
  Assign(*statement.target, std::move(text));
  return Flow::kNext;
}

Interp::Flow Interp::ExecFilterBlock(const Stmt& statement) {
  Flow flow = Flow::kNext;
  const ScopeGuard scope(*this);
  Value text = Capture(statement.body, flow);
  if (flow != Flow::kNext) return flow;
  Print(FilterChain(*statement.expr, std::move(text)));
  return Flow::kNext;
}

Value Interp::FilterChain(const Expr& expr, Value text) {
  if (expr.operands[0] != nullptr) text = FilterChain(*expr.operands[0], std::move(text));
  return ApplyFilter(expr, std::move(text));
}

Value Interp::CaptureLoop(const Stmt& loop, const Value& items, int depth) {
  TextBuilder out(budget_);
  const OutputGuard guard(out_, &out);
  RunLoop(loop, items, depth);
  return out.Finish();
}

void Interp::ExecMacro(const Stmt& statement) {
  const Value macro = MakeMacroHere(*statement.macro);
  scope().Set(budget_, statement.macro->name, macro);
}

void Interp::ExecCall(const Stmt& statement) {
  const Value caller = MakeMacroHere(*statement.macro);
  Print(EvalCall(*statement.expr, &caller));
}

Interp::Flow Interp::ExecWith(const Stmt& statement) {
  std::vector<Value> values;
  for (const auto& [target, expr] : statement.bindings) values.push_back(Eval(*expr));
  const ScopeGuard scope(*this);
  for (size_t i = 0; i < values.size(); ++i) {
    Assign(*statement.bindings[i].first, std::move(values[i]));
  }
  return Exec(statement.body);
}

void Interp::AssignAttribute(const Expr& target, Value value) {
  const Value* found = scope_->Find(target.name);
  const auto* space = found == nullptr || found->kind() != Value::Kind::kHost
                          ? nullptr
                          : dynamic_cast<const Namespace*>(&ValueAccess::Host(*found));
  if (space == nullptr) RaiseRuntime("cannot assign attribute on non-namespace object");
  // The value refers to the object as constant; namespaces alone may change.
  const_cast<Namespace*>(space)->Set(budget_, target.text, std::move(value));
}

void Interp::Assign(const Expr& target, Value value) {
  switch (target.kind) {
    case ExprKind::kName:
      return scope().Set(budget_, target.name, std::move(value));
    case ExprKind::kNamespaceRef:
      return AssignAttribute(target, std::move(value));
    default:
      break;
  }
  if (!IsIterable(value)) RaiseRuntime("cannot unpack non-iterable " + TypeName(value) + " object");
  Charge charge;
  std::vector<Value> items = ToVector(budget_, value, charge);
  if (items.size() != target.operands.size()) {
    const std::string expected = std::to_string(target.operands.size());
    RaiseRuntime(items.size() > target.operands.size()
                     ? "too many values to unpack (expected " + expected + ")"
                     : "not enough values to unpack (expected " + expected + ", got " +
                           std::to_string(items.size()) + ")");
  }
  for (size_t i = 0; i < items.size(); ++i) Assign(*target.operands[i], std::move(items[i]));
}

}  // namespace hyprstream::text::tmpl
