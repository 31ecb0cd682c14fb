// Expressions.
#include <algorithm>

#include "text/template/access.h"
#include "text/template/builtins.h"
#include "text/template/interp.h"
#include "text/template/print.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {

namespace {
// Levels of the tree that may be open at once, all calls together.
constexpr int kEvalFactor = 4;
}  // namespace

Value Interp::Eval(const Expr& expr) {
  budget_.Step();
  if (expr.kind == ExprKind::kConstant) return expr.value;
  const Nesting nesting(eval_depth_, budget_.limits().depth * kEvalFactor);
  line_ = expr.line;
  return EvalNode(expr);
}

Value Interp::EvalNode(const Expr& expr) {
  switch (expr.kind) {
    case ExprKind::kConstant:
      return expr.value;
    case ExprKind::kName:
      return EvalName(expr);
    case ExprKind::kList:
      return EvalItems(expr, Value::Kind::kList);
    case ExprKind::kTuple:
      return EvalItems(expr, Value::Kind::kTuple);
    case ExprKind::kObject:
      return EvalObject(expr);
    case ExprKind::kAttribute:
      return Attribute(Eval(*expr.operands[0]), expr.text);
    case ExprKind::kItem: {
      const Value container = Eval(*expr.operands[0]);
      return Item(container, Eval(*expr.operands[1]));
    }
    case ExprKind::kSlice:
      return EvalSlice(expr);
    case ExprKind::kCall:
      return EvalCall(expr);
    case ExprKind::kFilter:
      return EvalFilter(expr);
    case ExprKind::kTest:
      return EvalTest(expr);
    case ExprKind::kNot:
      return Value::Bool(!Truthy(Eval(*expr.operands[0])));
    case ExprKind::kNegative:
    case ExprKind::kPositive: {
      const Value value = Eval(*expr.operands[0]);
      RequireDefined(value);
      if (!IsNumeric(value))
        RaiseRuntime("bad operand type for unary sign: '" + TypeName(value) + "'");
      if (expr.kind == ExprKind::kNegative) return Negate(budget_, value);
      return Binary(budget_, Arithmetic::kAdd, Value::Int(0), value);
    }
    case ExprKind::kAnd: {
      Value left = Eval(*expr.operands[0]);
      return Truthy(left) ? Eval(*expr.operands[1]) : left;
    }
    case ExprKind::kOr: {
      Value left = Eval(*expr.operands[0]);
      return Truthy(left) ? left : Eval(*expr.operands[1]);
    }
    case ExprKind::kConcat:
      return EvalConcat(expr);
    case ExprKind::kArithmetic: {
      const Value left = Eval(*expr.operands[0]);
      return Binary(budget_, expr.arithmetic, left, Eval(*expr.operands[1]));
    }
    case ExprKind::kCompare:
      return EvalCompare(expr);
    case ExprKind::kConditional:
      return EvalConditional(expr);
    case ExprKind::kNamespaceRef:
      break;
  }
  RaiseRuntime("cannot assign here");
}

Value Interp::EvalName(const Expr& expr) {
  if (const Value* value = scope_->Find(expr.name)) return *value;
  if (std::optional<Value> global = FindGlobal(*this, expr.text)) return *global;
  return MakeUndefined("'" + expr.text + "' is undefined");
}

Value Interp::EvalItems(const Expr& expr, Value::Kind kind) {
  ListBuilder items(budget_);
  for (const ExprPtr& item : expr.operands) items.Add(Eval(*item));
  return items.Finish(kind);
}

Value Interp::EvalObject(const Expr& expr) {
  ObjectBuilder object(budget_);
  for (size_t i = 0; i + 1 < expr.operands.size(); i += 2) {
    Value key = Eval(*expr.operands[i]);
    object.Set(std::move(key), Eval(*expr.operands[i + 1]));
  }
  return object.Finish();
}

Value Interp::EvalConcat(const Expr& expr) {
  TextBuilder out(budget_);
  for (const ExprPtr& part : expr.operands) PrintTo(out, budget_, Eval(*part));
  return out.Finish();
}

Value Interp::EvalCompare(const Expr& expr) {
  Value left = Eval(*expr.operands[0]);
  for (size_t i = 0; i < expr.comparisons.size(); ++i) {
    Value right = Eval(*expr.operands[i + 1]);
    bool holds = false;
    switch (expr.comparisons[i]) {
      case CompareOp::kIn:
        holds = Contains(budget_, right, left);
        break;
      case CompareOp::kNotIn:
        holds = !Contains(budget_, right, left);
        break;
      default:
        holds = Compare(budget_, static_cast<Comparison>(expr.comparisons[i]), left, right);
    }
    if (!holds) return Value::Bool(false);
    left = std::move(right);
  }
  return Value::Bool(true);
}

Value Interp::EvalConditional(const Expr& expr) {
  if (Truthy(Eval(*expr.operands[0]))) return Eval(*expr.operands[1]);
  if (expr.operands[2] != nullptr) return Eval(*expr.operands[2]);
  return MakeUndefined(
      "the inline if-expression evaluated to false and no else section was defined.");
}

Value Interp::EvalSlice(const Expr& expr) {
  const Value container = Eval(*expr.operands[0]);
  const auto part = [&](size_t i) {
    return expr.operands[i] == nullptr ? Value() : Eval(*expr.operands[i]);
  };
  const Value start = part(1);
  const Value stop = part(2);
  const Value step = part(3);
  return Slice(budget_, container, start, stop, step);
}

void Interp::EvalArguments(const Arguments* arguments, CallArgs& args) {
  if (arguments == nullptr) return;
  for (const ExprPtr& expr : arguments->positional) args.positional.push_back(Eval(*expr));
  if (arguments->star != nullptr) {
    Charge charge;
    for (Value& value : ToVector(budget_, Eval(*arguments->star), charge)) {
      args.positional.push_back(std::move(value));
    }
  }
  for (const auto& [name, expr] : arguments->named) args.named.emplace_back(name, Eval(*expr));
  if (arguments->double_star == nullptr) return;
  const Value more = Eval(*arguments->double_star);
  if (!more.is_object()) RaiseRuntime("argument after ** must be a mapping, not " + TypeName(more));
  const Charge charge(budget_, more.entries().size() * sizeof(args.named[0]));
  for (const Value::Entry& entry : more.entries()) {
    budget_.Step();
    if (!entry.key.is_string()) RaiseRuntime("keywords must be strings");
    budget_.Touch(entry.key.as_string().size());
    args.named.emplace_back(entry.key.as_string(), entry.value);
  }
}

Value Interp::EvalCall(const Expr& expr, const Value* caller) {
  const Expr& callee = *expr.operands[0];
  CallArgs args;
  if (caller != nullptr) args.named.emplace_back("caller", *caller);
  // A method is called without making an object of it first.
  if (callee.kind == ExprKind::kAttribute) {
    Value self = Eval(*callee.operands[0]);
    if (const Builtin method = FindMethod(self, callee.text)) {
      args.positional.push_back(std::move(self));
      EvalArguments(expr.arguments.get(), args);
      line_ = expr.line;
      return method(*this, args);
    }
    const Value function = Attribute(self, callee.text);
    RequireDefined(function);
    EvalArguments(expr.arguments.get(), args);
    return CallValue(function, args);
  }
  const Value function = Eval(callee);
  RequireDefined(function);
  EvalArguments(expr.arguments.get(), args);
  line_ = expr.line;
  return CallValue(function, args);
}

Value Interp::ApplyFilter(const Expr& expr, Value value) {
  CallArgs args;
  args.positional.push_back(std::move(value));
  EvalArguments(expr.arguments.get(), args);
  line_ = expr.line;
  return CallFilter(expr.text, args);
}

Value Interp::EvalFilter(const Expr& expr) { return ApplyFilter(expr, Eval(*expr.operands[0])); }

Value Interp::EvalTest(const Expr& expr) {
  CallArgs args;
  args.positional.push_back(Eval(*expr.operands[0]));
  EvalArguments(expr.arguments.get(), args);
  line_ = expr.line;
  return Value::Bool(CallTest(expr.text, args));
}

}  // namespace hyprstream::text::tmpl
