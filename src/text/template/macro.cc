// Macros and the blocks that call them.
#include <algorithm>
#include <utility>

#include "text/template/interp.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

class MacroObject final : public HostObject {
 public:
  MacroObject(const Macro& macro, std::shared_ptr<Scope> home)
      : macro_(macro), home_(std::move(home)) {}
  std::string_view TypeName() const override { return "Macro"; }
  bool callable() const override { return true; }
  Value Call(Interp& interp, CallArgs& args) const override {
    return interp.CallMacro(macro_, home_, args);
  }
  std::optional<Value> Attribute(Interp& interp, std::string_view name) const override {
    if (name == "name") return MakeText(interp.budget(), macro_.text);
    if (name == "caller") return Value::Bool(macro_.uses_caller);
    if (name == "catch_varargs") return Value::Bool(macro_.uses_varargs);
    if (name == "catch_kwargs") return Value::Bool(macro_.uses_kwargs);
    if (name != "arguments") return std::nullopt;
    ListBuilder names(interp.budget());
    for (const auto& parameter : macro_.parameters) {
      names.Add(MakeText(interp.budget(), parameter.second));
    }
    return names.Finish(Value::Kind::kTuple);
  }

 private:
  const Macro& macro_;
  std::shared_ptr<Scope> home_;
};

std::optional<Value> TakeNamed(CallArgs& args, std::string_view name) {
  const auto at = std::find_if(args.named.begin(), args.named.end(),
                               [&](const auto& named) { return named.first == name; });
  if (at == args.named.end()) return std::nullopt;
  Value value = std::move(at->second);
  args.named.erase(at);
  return value;
}

}  // namespace

Value Interp::MakeMacroHere(const Macro& macro) {
  if (!scope_->kept) {
    scope_->kept = true;
    budget_.Charge(sizeof(std::weak_ptr<Scope>));
    kept_scopes_.push_back(scope_);
  }
  return MakeHost(std::make_shared<MacroObject>(macro, scope_));
}

void Interp::BindMacroArguments(const Macro& macro, CallArgs& args) {
  const size_t count = macro.parameters.size();
  const size_t first_default = count - macro.defaults.size();
  bool caller_given = false;
  for (size_t i = 0; i < count; ++i) {
    const auto& [id, name] = macro.parameters[i];
    caller_given |= name == "caller";
    if (i < args.positional.size()) {
      scope().Set(budget_, id, std::move(args.positional[i]));
    } else if (std::optional<Value> value = TakeNamed(args, name)) {
      scope().Set(budget_, id, std::move(*value));
    } else if (i >= first_default) {
      // Defaults see the parameters before them.
      scope().Set(budget_, id, Eval(*macro.defaults[i - first_default]));
    } else {
      scope().Set(budget_, id, MakeUndefined("parameter '" + name + "' was not provided"));
    }
  }
  if (macro.uses_caller && !caller_given) {
    std::optional<Value> caller = TakeNamed(args, "caller");
    scope().Set(budget_, caller_name_,
                caller.has_value() ? std::move(*caller) : MakeUndefined("No caller defined"));
  }
  if (macro.uses_kwargs) {
    ObjectBuilder rest(budget_);
    for (auto& [name, value] : args.named) rest.Set(MakeText(budget_, name), std::move(value));
    scope().Set(budget_, kwargs_name_, rest.Finish());
  } else if (!args.named.empty()) {
    RaiseRuntime("macro '" + macro.text + "' takes no keyword argument '" +
                 args.named.front().first + "'");
  }
  if (macro.uses_varargs) {
    ListBuilder rest(budget_);
    for (size_t i = count; i < args.positional.size(); ++i) rest.Add(std::move(args.positional[i]));
    scope().Set(budget_, varargs_name_, rest.Finish(Value::Kind::kTuple));
  } else if (args.positional.size() > count) {
    RaiseRuntime("macro '" + macro.text + "' takes not more than " + std::to_string(count) +
                 " argument(s)");
  }
}

Value Interp::CallMacro(const Macro& macro, const std::shared_ptr<Scope>& home, CallArgs& args) {
  const ScopeGuard guard(*this, home);
  BindMacroArguments(macro, args);
  Flow flow = Flow::kNext;
  return Capture(macro.body, flow);
}

}  // namespace hyprstream::text::tmpl
