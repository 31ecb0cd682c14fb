// One rendering: walks the tree with a chain of scopes, writes into text builders, counts work on a
// budget. One thread, used once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text/template/ast.h"
#include "text/template/budget.h"
#include "text/template/marked_string.h"
#include "text/template/value_rep.h"

namespace hyprstream::text::tmpl {

inline constexpr NameId kNoName = UINT32_MAX;

/// The names of one block. Macros keep the scope they were written in.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<NameId, Value>> values;
  Charge charge;
  bool kept = false;  // whether a macro refers to it

  const Value* Find(NameId name) const;
  void Set(Budget& budget, NameId name, Value value);
};

class Interp {
 public:
  /// `tree` must outlive this. `now`: what strftime_now shows, seconds since 1970.
  Interp(const Tree& tree, const TemplateLimits& limits, int64_t now);
  ~Interp();
  Interp(const Interp&) = delete;
  Interp& operator=(const Interp&) = delete;

  /// Errors: TemplateError with the line in `where`.
  MarkedText Run(const std::vector<std::pair<std::string, Value>>& variables);

  Budget& budget() { return budget_; }
  int64_t now() const { return now_; }

  Value Eval(const Expr& expr);
  Value CallValue(const Value& callee, CallArgs& args);
  Value CallFilter(std::string_view name, CallArgs& args);
  bool CallTest(std::string_view name, CallArgs& args);
  /// value.name, as the sandbox resolves it: methods before keys.
  Value Attribute(const Value& value, std::string_view name);
  /// value[key], keys before methods.
  Value Item(const Value& value, const Value& key);

  Value CallMacro(const Macro& macro, const std::shared_ptr<Scope>& home, CallArgs& args);
  /// The body of a recursive loop over `items`, as loop(items) runs it.
  Value CallLoop(const Stmt& loop, const std::shared_ptr<Scope>& home, const Value& items,
                 int depth);
  /// Objects that may refer to themselves; emptied when the rendering ends.
  void Keep(std::shared_ptr<HostObject> object);

 private:
  enum class Flow { kNext, kBreak, kContinue };

  // exec.cc
  Flow Exec(const Body& body);
  Flow ExecOne(const Stmt& statement);
  Flow ExecIf(const Stmt& statement);
  Flow ExecScoped(const Body& body);
  Flow ExecSetBlock(const Stmt& statement);
  Flow ExecFilterBlock(const Stmt& statement);
  void ExecMacro(const Stmt& statement);
  void ExecCall(const Stmt& statement);
  Flow ExecWith(const Stmt& statement);
  void Print(const Value& value);
  void CheckOutput();
  Value Capture(const Body& body, Flow& flow);
  Value CaptureLoop(const Stmt& loop, const Value& items, int depth);
  void Assign(const Expr& target, Value value);
  void AssignAttribute(const Expr& target, Value value);

  // macro.cc
  Value MakeMacroHere(const Macro& macro);
  void BindMacroArguments(const Macro& macro, CallArgs& args);

  // loop.cc
  Flow ExecFor(const Stmt& statement);
  Flow RunLoop(const Stmt& statement, const Value& items, int depth);
  std::vector<Value> LoopItems(const Stmt& statement, const Value& items, Charge& charge);

  // eval.cc
  Value EvalNode(const Expr& expr);
  Value EvalName(const Expr& expr);
  Value EvalCompare(const Expr& expr);
  Value EvalConcat(const Expr& expr);
  Value EvalObject(const Expr& expr);
  Value EvalItems(const Expr& expr, Value::Kind kind);
  Value EvalConditional(const Expr& expr);
  Value EvalSlice(const Expr& expr);
  Value EvalCall(const Expr& expr, const Value* caller = nullptr);
  Value EvalFilter(const Expr& expr);
  Value EvalTest(const Expr& expr);
  Value ApplyFilter(const Expr& expr, Value value);
  Value FilterChain(const Expr& expr, Value text);
  void EvalArguments(const Arguments* arguments, CallArgs& args);

  Scope& scope() { return *scope_; }
  NameId IdOf(std::string_view name) const;

  friend class ScopeGuard;

  Budget budget_;
  const Tree& tree_;
  int64_t now_;
  std::shared_ptr<Scope> scope_;
  std::vector<std::weak_ptr<Scope>> kept_scopes_;
  std::vector<std::shared_ptr<HostObject>> kept_objects_;
  TextBuilder* out_ = nullptr;
  TextBuilder* root_out_ = nullptr;
  int eval_depth_ = 0;
  int call_depth_ = 0;
  int line_ = 0;
  NameId loop_name_ = 0;
  NameId caller_name_ = 0;
  NameId varargs_name_ = 0;
  NameId kwargs_name_ = 0;
};

/// A scope for as long as this lives.
class ScopeGuard {
 public:
  /// A child of the current scope.
  explicit ScopeGuard(Interp& interp);
  /// A child of `parent`.
  ScopeGuard(Interp& interp, const std::shared_ptr<Scope>& parent);
  ~ScopeGuard();
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

 private:
  Interp& interp_;
  std::shared_ptr<Scope> outer_;
};

}  // namespace hyprstream::text::tmpl
