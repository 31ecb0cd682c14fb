// for, with its loop variable.
#include <memory>
#include <utility>

#include "text/template/interp.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

// What the name "loop" means inside a loop. One for all iterations.
class LoopObject final : public HostObject, public std::enable_shared_from_this<LoopObject> {
 public:
  LoopObject(const Stmt& loop, std::shared_ptr<Scope> home, std::vector<Value> items, int depth)
      : loop_(loop), home_(std::move(home)), items_(std::move(items)), depth_(depth) {}

  std::string_view TypeName() const override { return "LoopContext"; }
  bool callable() const override { return true; }
  Value Call(Interp& interp, CallArgs& args) const override {
    if (!loop_.recursive) {
      RaiseRuntime("The loop must have the 'recursive' marker to be called recursively.");
    }
    if (args.positional.size() != 1) RaiseRuntime("loop() takes one argument");
    return interp.CallLoop(loop_, home_, args.positional[0], depth_ + 1);
  }
  std::optional<Value> Attribute(Interp& interp, std::string_view name) const override;
  void Clear() override {
    items_.clear();
    home_.reset();
    last_changed_ = Value();
  }

  const std::vector<Value>& items() const { return items_; }
  void SetIndex(size_t index) { index_ = index; }
  Value Cycle(const CallArgs& args) const {
    if (args.positional.empty()) RaiseRuntime("no items for cycling given");
    return args.positional[index_ % args.positional.size()];
  }
  Value Changed(Budget& budget, CallArgs& args) const {
    ListBuilder list(budget);
    for (Value& value : args.positional) list.Add(std::move(value));
    const Value now = list.Finish(Value::Kind::kTuple);
    if (Equal(budget, now, last_changed_)) return Value::Bool(false);
    last_changed_ = now;
    return Value::Bool(true);
  }

 private:
  const Stmt& loop_;
  std::shared_ptr<Scope> home_;
  std::vector<Value> items_;
  int depth_;
  size_t index_ = 0;
  mutable Value last_changed_;
};

// loop.cycle and loop.changed.
class LoopMethod final : public HostObject {
 public:
  enum class Which { kCycle, kChanged };
  LoopMethod(std::shared_ptr<const LoopObject> loop, Which which)
      : loop_(std::move(loop)), which_(which) {}
  std::string_view TypeName() const override { return "method"; }
  bool callable() const override { return true; }
  Value Call(Interp& interp, CallArgs& args) const override {
    return which_ == Which::kCycle ? loop_->Cycle(args) : loop_->Changed(interp.budget(), args);
  }

 private:
  std::shared_ptr<const LoopObject> loop_;
  Which which_;
};

std::optional<Value> LoopObject::Attribute(Interp&, std::string_view name) const {
  const auto index = static_cast<int64_t>(index_);
  const auto count = static_cast<int64_t>(items_.size());
  if (name == "index0") return Value::Int(index);
  if (name == "index") return Value::Int(index + 1);
  if (name == "revindex0") return Value::Int(count - index - 1);
  if (name == "revindex") return Value::Int(count - index);
  if (name == "first") return Value::Bool(index == 0);
  if (name == "last") return Value::Bool(index + 1 == count);
  if (name == "length") return Value::Int(count);
  if (name == "depth") return Value::Int(depth_);
  if (name == "depth0") return Value::Int(depth_ - 1);
  if (name == "previtem") {
    return index > 0 && index <= count ? items_[index_ - 1]
                                       : MakeUndefined("there is no previous item");
  }
  if (name == "nextitem") {
    return index + 1 < count ? items_[index_ + 1] : MakeUndefined("there is no next item");
  }
  if (name == "cycle")
    return MakeHost(std::make_shared<LoopMethod>(shared_from_this(), LoopMethod::Which::kCycle));
  if (name == "changed") {
    return MakeHost(std::make_shared<LoopMethod>(shared_from_this(), LoopMethod::Which::kChanged));
  }
  return std::nullopt;
}

}  // namespace

std::vector<Value> Interp::LoopItems(const Stmt& statement, const Value& items, Charge& charge) {
  if (statement.condition == nullptr) return ToVector(budget_, items, charge);
  ListBuilder kept(budget_);
  Items source(budget_, items);
  while (std::optional<Value> item = source.Next()) {
    const ScopeGuard scope(*this);
    Assign(*statement.target, *item);
    if (Truthy(Eval(*statement.condition))) kept.Add(std::move(*item));
  }
  charge = Charge(budget_, kept.size() * sizeof(Value));
  return std::move(kept.items());
}

Interp::Flow Interp::ExecFor(const Stmt& statement) {
  return RunLoop(statement, Eval(*statement.expr), 1);
}

Interp::Flow Interp::RunLoop(const Stmt& statement, const Value& items, int depth) {
  Charge charge;
  std::vector<Value> list = LoopItems(statement, items, charge);
  if (list.empty()) {
    const ScopeGuard scope(*this);
    return Exec(statement.orelse);
  }
  const auto loop = std::make_shared<LoopObject>(statement, scope_, std::move(list), depth);
  // A scope or namespace that the body makes may keep the loop, which keeps its scope.
  struct Emptied {
    LoopObject& object;
    ~Emptied() { object.Clear(); }
  } emptied{*loop};
  const size_t count = loop->items().size();
  for (size_t i = 0; i < count; ++i) {
    budget_.Step();
    loop->SetIndex(i);
    const ScopeGuard scope(*this);
    if (loop_name_ != kNoName) scope_->Set(budget_, loop_name_, MakeHost(loop));
    Assign(*statement.target, loop->items()[i]);
    const Flow flow = Exec(statement.body);
    if (flow == Flow::kBreak) break;
  }
  return Flow::kNext;
}

Value Interp::CallLoop(const Stmt& loop, const std::shared_ptr<Scope>& home, const Value& items,
                       int depth) {
  const ScopeGuard scope(*this, home);
  return CaptureLoop(loop, items, depth);
}

}  // namespace hyprstream::text::tmpl
