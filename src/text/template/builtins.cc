#include "text/template/builtins.h"

#include <algorithm>
#include <array>
#include <limits>
#include <map>

#include "text/template/numbers.h"
#include "text/template/operators.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

using Table = std::map<std::string_view, Builtin>;

Table Join(std::initializer_list<std::vector<NamedBuiltin>> parts) {
  Table table;
  for (const auto& part : parts) {
    for (const NamedBuiltin& entry : part) table.emplace(entry.name, entry.function);
  }
  return table;
}

Builtin FindIn(const Table& table, std::string_view name) {
  const auto at = table.find(name);
  return at == table.end() ? nullptr : at->second;
}

const Table& StringTable() {
  static const Table table = Join({StringMethods(), StringQueryMethods()});
  return table;
}

}  // namespace

Builtin FindFilter(std::string_view name) {
  static const Table table = Join({TextFilters(), LayoutFilters(), NumberFilters(),
                                   SequenceFilters(), OrderFilters(), SelectFilters()});
  return FindIn(table, name);
}

Builtin FindTest(std::string_view name) {
  static const Table table = Join({TypeTests(), ComparisonTests()});
  return FindIn(table, name);
}

Builtin FindMethod(const Value& self, std::string_view name) {
  static const Table objects = Join({ObjectMethods()});
  static const Table sequences = Join({SequenceMethods()});
  static const Table bytes = Join({BytesMethods()});
  switch (self.kind()) {
    case Value::Kind::kString:
      return FindIn(StringTable(), name);
    case Value::Kind::kObject:
      return FindIn(objects, name);
    case Value::Kind::kBytes:
      return FindIn(bytes, name);
    case Value::Kind::kList:
      return name == "copy" ? FindIn(objects, name) : FindIn(sequences, name);
    case Value::Kind::kTuple:
    case Value::Kind::kRange:
      return FindIn(sequences, name);
    default:
      return nullptr;
  }
}

bool IsHiddenAttribute(const Value& self, std::string_view name) {
  constexpr std::array kEverywhere = {
      "__class__",  "__delattr__",   "__dir__",          "__doc__",
      "__eq__",     "__format__",    "__ge__",           "__getattribute__",
      "__gt__",     "__hash__",      "__init__",         "__init_subclass__",
      "__le__",     "__lt__",        "__ne__",           "__new__",
      "__reduce__", "__reduce_ex__", "__repr__",         "__setattr__",
      "__sizeof__", "__str__",       "__subclasshook__", "__getstate__"};
  constexpr std::array kList = {"append", "clear",  "extend",  "insert",
                                "pop",    "remove", "reverse", "sort"};
  constexpr std::array kObject = {"clear", "pop", "popitem", "setdefault", "update", "fromkeys"};
  constexpr std::array kCallable = {"__call__",     "__globals__",
                                    "__code__",     "__closure__",
                                    "__defaults__", "__module__",
                                    "__name__",     "__dict__",
                                    "__qualname__", "__self__",
                                    "__func__",     "_func",
                                    "_environment", "_TemplateReference__context"};
  constexpr std::array kContainers = {"__contains__", "__getitem__", "__iter__", "__len__",
                                      "__add__",      "__mul__",     "__rmul__"};
  const auto in = [name](const auto& names) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  switch (self.kind()) {
    case Value::Kind::kList:
      return in(kEverywhere) || in(kContainers) || in(kList);
    case Value::Kind::kObject:
      // dict.fromkeys is harmless and reachable in Python, but it makes nothing a template needs.
      return in(kEverywhere) || in(kContainers) || in(kObject);
    case Value::Kind::kHost:
      return in(kEverywhere) || in(kCallable);
    case Value::Kind::kString:
    case Value::Kind::kTuple:
    case Value::Kind::kBytes:
    case Value::Kind::kRange:
      return in(kEverywhere) || in(kContainers);
    default:
      return in(kEverywhere);
  }
}

Bound::Bound(CallArgs& args, std::string_view function, std::vector<std::string_view> names,
             size_t required)
    : function_(function), names_(std::move(names)), values_(names_.size()) {
  if (args.positional.size() - 1 > names_.size()) {
    RaiseRuntime(function_ + "() takes at most " + std::to_string(names_.size()) +
                 " argument(s), got " + std::to_string(args.positional.size() - 1));
  }
  for (size_t i = 1; i < args.positional.size(); ++i) values_[i - 1] = args.positional[i];
  for (auto& [name, value] : args.named) {
    const auto at = std::find(names_.begin(), names_.end(), name);
    if (at == names_.end()) {
      RaiseRuntime(function_ + "() got an unexpected keyword argument '" + name + "'");
    }
    std::optional<Value>& slot = values_[static_cast<size_t>(at - names_.begin())];
    if (slot.has_value()) {
      RaiseRuntime(function_ + "() got multiple values for argument '" + name + "'");
    }
    slot = value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (!values_[i].has_value()) {
      RaiseRuntime(function_ + "() missing a required argument: '" + std::string(names_[i]) + "'");
    }
  }
}

int64_t ClampInteger(const Value& value, std::string_view what) {
  if (value.is_undefined()) RaiseUndefined(value);
  if (!IsIntegral(value)) {
    RaiseRuntime(std::string(what) + " must be an integer, not " + TypeName(value));
  }
  if (value.kind() != Value::Kind::kBigInt) return value.as_int();
  return value.as_string()[0] == '-' ? std::numeric_limits<int64_t>::min()
                                     : std::numeric_limits<int64_t>::max();
}

int64_t Bound::Integer(size_t i, int64_t otherwise) const {
  if (!Has(i)) return otherwise;
  return ClampInteger(*values_[i], "argument '" + std::string(names_[i]) + "' of " + function_);
}

bool Bound::Flag(size_t i, bool otherwise) const {
  return Has(i) ? Truthy(*values_[i]) : otherwise;
}

const Value& Bound::Text(size_t i) const {
  const Value& value = *values_[i];
  RequireDefined(value);
  if (!value.is_string()) {
    RaiseRuntime(function_ + "() argument '" + std::string(names_[i]) + "' must be str, not " +
                 TypeName(value));
  }
  return value;
}

}  // namespace hyprstream::text::tmpl
