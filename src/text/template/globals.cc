// The functions that every template sees.
#include <algorithm>
#include <memory>

#include "text/template/builtins.h"
#include "text/template/interp.h"
#include "text/template/namespace.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/strftime.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

constexpr int64_t kMaxRange = 100000;

class Function final : public HostObject {
 public:
  Function(std::string_view type, Builtin function) : type_(type), function_(function) {}
  std::string_view TypeName() const override { return type_; }
  bool callable() const override { return true; }
  Value Call(Interp& interp, CallArgs& args) const override { return function_(interp, args); }

 private:
  std::string_view type_;
  Builtin function_;
};

// Bound counts arguments after the first.
void AddSelf(CallArgs& args) { args.positional.insert(args.positional.begin(), Value()); }

Value RaiseException(Interp& interp, CallArgs& args) {
  AddSelf(args);
  const Bound bound(args, "raise_exception", {"message"}, 1);
  const Value text = ToText(interp.budget(), bound[0]);
  throw TemplateError(TemplateErrorKind::kRaised, {.message = text.as_string()});
}

Value StrftimeNow(Interp& interp, CallArgs& args) {
  AddSelf(args);
  const Bound bound(args, "strftime_now", {"format"}, 1);
  const Value& format = bound.Text(0);
  interp.budget().Step(format.as_string().size());
  const bool inert = StrView(format).AnyInert();
  return ValueAccess::WithInput(
      MakeText(interp.budget(), FormatTime(format.as_string(), interp.now())), inert);
}

Value RangeFunction(Interp&, CallArgs& args) {
  if (args.positional.empty() || args.positional.size() > 3 || !args.named.empty()) {
    RaiseRuntime("range expected 1 to 3 arguments");
  }
  int64_t parts[3] = {0, 0, 1};
  for (size_t i = 0; i < args.positional.size(); ++i) {
    parts[i] = ClampInteger(args.positional[i], "an argument of range");
  }
  if (args.positional.size() == 1) std::swap(parts[0], parts[1]);
  if (parts[2] == 0) RaiseRuntime("range() arg 3 must not be zero");
  Value range = MakeRange(parts[0], parts[1], parts[2]);
  if (ValueAccess::Range(range).count > kMaxRange) {
    RaiseLimit("Range too big. The sandbox blocks ranges larger than 100000.");
  }
  return range;
}

// A mapping, or pairs, and named values over it.
Value DictFunction(Interp& interp, CallArgs& args) {
  Budget& budget = interp.budget();
  if (args.positional.size() > 1) RaiseRuntime("dict expected at most 1 argument");
  ObjectBuilder object(budget);
  bool inert = false;
  if (!args.positional.empty()) {
    const Value& from = args.positional[0];
    inert = from.from_input();
    Items items(budget, from.is_object() ? ItemPairs(budget, from) : from);
    while (const std::optional<Value> item = items.Next()) {
      Charge charge;
      std::vector<Value> pair = ToVector(budget, *item, charge);
      if (pair.size() != 2) RaiseRuntime("dictionary update sequence element has no length 2");
      object.Set(std::move(pair[0]), std::move(pair[1]));
    }
  }
  for (auto& [name, value] : args.named) object.Set(MakeText(budget, name), std::move(value));
  return ValueAccess::WithInput(object.Finish(), inert);
}

Value NamespaceFunction(Interp& interp, CallArgs& args) {
  const Value initial = DictFunction(interp, args);
  auto space = std::make_shared<Namespace>();
  interp.Keep(space);
  for (const Value::Entry& entry : initial.entries()) {
    if (!entry.key.is_string()) RaiseRuntime("a namespace's attributes must have names");
    space->Set(interp.budget(), entry.key.as_string(), entry.value);
  }
  return MakeHost(space);
}

// The separator from the second call on.
class Joiner final : public HostObject {
 public:
  explicit Joiner(Value separator) : separator_(std::move(separator)) {}
  std::string_view TypeName() const override { return "Joiner"; }
  bool callable() const override { return true; }
  Value Call(Interp&, CallArgs&) const override {
    if (used_) return separator_;
    used_ = true;
    return Value::String("");
  }

 private:
  Value separator_;
  mutable bool used_ = false;
};

class Cycler final : public HostObject, public std::enable_shared_from_this<Cycler> {
 public:
  explicit Cycler(std::vector<Value> items) : items_(std::move(items)) {}
  std::string_view TypeName() const override { return "Cycler"; }
  std::optional<Value> Attribute(Interp&, std::string_view name) const override;
  Value Next() const {
    const Value& current = items_[at_];
    at_ = (at_ + 1) % items_.size();
    return current;
  }
  void Reset() const { at_ = 0; }

 private:
  std::vector<Value> items_;
  mutable size_t at_ = 0;
};

class CyclerMethod final : public HostObject {
 public:
  CyclerMethod(std::shared_ptr<const Cycler> cycler, bool next)
      : cycler_(std::move(cycler)), next_(next) {}
  std::string_view TypeName() const override { return "method"; }
  bool callable() const override { return true; }
  Value Call(Interp&, CallArgs&) const override {
    if (next_) return cycler_->Next();
    cycler_->Reset();
    return Value();
  }

 private:
  std::shared_ptr<const Cycler> cycler_;
  bool next_;
};

std::optional<Value> Cycler::Attribute(Interp&, std::string_view name) const {
  if (name == "current") return items_[at_];
  if (name == "next" || name == "reset") {
    return MakeHost(std::make_shared<CyclerMethod>(shared_from_this(), name == "next"));
  }
  return std::nullopt;
}

Value JoinerFunction(Interp& interp, CallArgs& args) {
  AddSelf(args);
  const Bound bound(args, "joiner", {"sep"});
  interp.budget().Step();
  return MakeHost(std::make_shared<Joiner>(bound.Or(0, Value::String(", "))));
}

Value CyclerFunction(Interp& interp, CallArgs& args) {
  if (args.positional.empty()) RaiseRuntime("at least one item has to be provided");
  interp.budget().Step(args.positional.size());
  return MakeHost(std::make_shared<Cycler>(args.positional));
}

Value Lipsum(Interp&, CallArgs&) { RaiseRuntime("lipsum() is random text and not supported"); }

// self: the template's blocks, of which chat templates have none.
class SelfObject final : public HostObject {
 public:
  std::string_view TypeName() const override { return "TemplateReference"; }
};

}  // namespace

std::optional<Value> FindGlobal(Interp&, std::string_view name) {
  struct Entry {
    std::string_view name;
    std::string_view type;
    Builtin function;
  };
  constexpr Entry kFunctions[] = {{"raise_exception", "function", RaiseException},
                                  {"strftime_now", "function", StrftimeNow},
                                  {"range", "function", RangeFunction},
                                  {"dict", "TemplateDict", DictFunction},
                                  {"namespace", "type", NamespaceFunction},
                                  {"joiner", "type", JoinerFunction},
                                  {"cycler", "type", CyclerFunction},
                                  {"lipsum", "function", Lipsum}};
  for (const Entry& entry : kFunctions) {
    if (entry.name == name) {
      return MakeHost(std::make_shared<Function>(entry.type, entry.function));
    }
  }
  if (name == "self") return MakeHost(std::make_shared<SelfObject>());
  return std::nullopt;
}

}  // namespace hyprstream::text::tmpl
