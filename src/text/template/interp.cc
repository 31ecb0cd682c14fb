#include "text/template/interp.h"

#include <algorithm>

#include "text/template/builtins.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

constexpr uint64_t kScopeBytes = 96;

}  // namespace

const Value* Scope::Find(NameId name) const {
  for (const Scope* at = this; at != nullptr; at = at->parent.get()) {
    for (const auto& [id, value] : at->values) {
      if (id == name) return &value;
    }
  }
  return nullptr;
}

void Scope::Set(Budget& budget, NameId name, Value value) {
  for (auto& [id, old] : values) {
    if (id == name) {
      old = std::move(value);
      return;
    }
  }
  if (values.size() == values.capacity()) {
    const size_t capacity = std::max<size_t>(4, values.capacity() * 2);
    charge.Reset();
    charge = Charge(budget, kScopeBytes + capacity * sizeof(values[0]));
    values.reserve(capacity);
  }
  values.emplace_back(name, std::move(value));
}

ScopeGuard::ScopeGuard(Interp& interp) : ScopeGuard(interp, interp.scope_) {}

ScopeGuard::ScopeGuard(Interp& interp, const std::shared_ptr<Scope>& parent)
    : interp_(interp), outer_(interp.scope_) {
  auto scope = std::make_shared<Scope>();
  scope->parent = parent;
  interp_.scope_ = std::move(scope);
}

ScopeGuard::~ScopeGuard() { interp_.scope_ = std::move(outer_); }

Interp::Interp(const Tree& tree, const TemplateLimits& limits, int64_t now)
    : budget_(limits), tree_(tree), now_(now), scope_(std::make_shared<Scope>()) {
  loop_name_ = IdOf("loop");
  caller_name_ = IdOf("caller");
  varargs_name_ = IdOf("varargs");
  kwargs_name_ = IdOf("kwargs");
}

Interp::~Interp() {
  // Macros and the scopes that hold them refer to each other, and so do namespaces.
  for (const std::weak_ptr<Scope>& kept : kept_scopes_) {
    if (const std::shared_ptr<Scope> scope = kept.lock()) scope->values.clear();
  }
  for (const std::shared_ptr<HostObject>& object : kept_objects_) object->Clear();
  scope_->values.clear();
}

NameId Interp::IdOf(std::string_view name) const {
  const auto at = std::find(tree_.names.begin(), tree_.names.end(), name);
  return at == tree_.names.end() ? kNoName : static_cast<NameId>(at - tree_.names.begin());
}

void Interp::Keep(std::shared_ptr<HostObject> object) {
  budget_.Charge(sizeof(object));
  kept_objects_.push_back(std::move(object));
}

MarkedText Interp::Run(const std::vector<std::pair<std::string, Value>>& variables) {
  TextBuilder out(budget_);
  try {
    for (const auto& [name, value] : variables) {
      const NameId id = IdOf(name);
      if (id != kNoName) scope_->Set(budget_, id, value);
    }
    out_ = root_out_ = &out;
    const ScopeGuard top(*this);
    Exec(tree_.body);
  } catch (const TemplateError& error) {
    if (!error.detail().where.empty()) throw;
    ErrorDetail detail = error.detail();
    detail.where = "line " + std::to_string(line_);
    throw TemplateError(error.kind(), std::move(detail));
  }
  return out.Take();
}

Value Interp::CallFilter(std::string_view name, CallArgs& args) {
  const Builtin filter = FindFilter(name);
  if (filter == nullptr) RaiseRuntime("No filter named '" + std::string(name) + "'.");
  budget_.Step();
  return filter(*this, args);
}

bool Interp::CallTest(std::string_view name, CallArgs& args) {
  const Builtin test = FindTest(name);
  if (test == nullptr) RaiseRuntime("No test named '" + std::string(name) + "'.");
  budget_.Step();
  return Truthy(test(*this, args));
}

Value Interp::CallValue(const Value& callee, CallArgs& args) {
  budget_.Step();
  RequireDefined(callee);
  if (callee.kind() != Value::Kind::kHost) {
    RaiseRuntime("'" + TypeName(callee) + "' object is not callable");
  }
  const Nesting nesting(call_depth_, budget_.limits().depth);
  return ValueAccess::Host(callee).Call(*this, args);
}

}  // namespace hyprstream::text::tmpl
