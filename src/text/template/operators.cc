#include "text/template/operators.h"

#include <algorithm>

#include "text/template/marked_string.h"
#include "text/template/object_rep.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

using Kind = Value::Kind;

bool IsSequence(const Value& v) { return v.kind() == Kind::kList || v.kind() == Kind::kTuple; }

bool EqualObjects(Budget& budget, const Value& a, const Value& b) {
  if (a.entries().size() != b.entries().size()) return false;
  for (const Value::Entry& entry : a.entries()) {
    const Value* other = FindKey(b, entry.key);
    if (other == nullptr || !Equal(budget, entry.value, *other)) return false;
  }
  return true;
}

bool EqualItems(Budget& budget, const std::vector<Value>& a, const std::vector<Value>& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(),
                    [&](const Value& x, const Value& y) { return Equal(budget, x, y); });
}

const char* Symbol(Comparison op) {
  switch (op) {
    case Comparison::kLess:
      return "<";
    case Comparison::kLessEqual:
      return "<=";
    case Comparison::kGreater:
      return ">";
    case Comparison::kGreaterEqual:
      return ">=";
    default:
      return "==";
  }
}

bool FromSign(Comparison op, int sign) {
  switch (op) {
    case Comparison::kLess:
      return sign < 0;
    case Comparison::kLessEqual:
      return sign <= 0;
    case Comparison::kGreater:
      return sign > 0;
    case Comparison::kGreaterEqual:
      return sign >= 0;
    default:
      return false;
  }
}

bool CompareItems(Budget& budget, Comparison op, const Value& a, const Value& b) {
  const std::vector<Value>& left = a.items();
  const std::vector<Value>& right = b.items();
  for (size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
    if (!Equal(budget, left[i], right[i])) return Compare(budget, op, left[i], right[i]);
  }
  return FromSign(op, left.size() < right.size() ? -1 : (left.size() > right.size() ? 1 : 0));
}

}  // namespace

void RaiseUndefined(const Value& value) {
  const UndefinedRep& rep = ValueAccess::Undefined(value);
  Raise(rep.security ? TemplateErrorKind::kSecurity : TemplateErrorKind::kUndefined, rep.message);
}

void RequireDefined(const Value& value) {
  if (value.is_undefined()) RaiseUndefined(value);
}

bool Truthy(const Value& value) {
  switch (value.kind()) {
    case Kind::kNone:
      return false;
    case Kind::kUndefined:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return value.as_int() != 0;
    case Kind::kFloat:
      return value.as_float() != 0;
    case Kind::kString:
    case Kind::kBytes:
      return !value.as_string().empty();
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      return !value.items().empty();
    case Kind::kObject:
      return !value.entries().empty();
    case Kind::kRange:
      return ValueAccess::Range(value).count != 0;
    case Kind::kBigInt:
    case Kind::kIterator:
    case Kind::kHost:
      return true;
  }
  return true;
}

bool Equal(Budget& budget, const Value& a, const Value& b) {
  budget.Step();
  if (IsNumeric(a) && IsNumeric(b)) return CompareNumbers(a, b) == 0;
  if (a.kind() != b.kind()) return false;
  switch (a.kind()) {
    case Kind::kNone:
    case Kind::kUndefined:
      return true;
    case Kind::kString:
    case Kind::kBytes:
      if (a.as_string().size() != b.as_string().size()) return false;
      budget.Touch(a.as_string().size() / 4);
      return a.as_string() == b.as_string();
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      return EqualItems(budget, a.items(), b.items());
    case Kind::kObject:
      return EqualObjects(budget, a, b);
    case Kind::kRange: {
      const RangeRep& x = ValueAccess::Range(a);
      const RangeRep& y = ValueAccess::Range(b);
      if (x.count != y.count || x.count == 0) return x.count == y.count;
      return x.start == y.start && (x.count == 1 || x.step == y.step);
    }
    default:
      return ValueAccess::Identity(a) == ValueAccess::Identity(b);
  }
}

bool Compare(Budget& budget, Comparison op, const Value& a, const Value& b) {
  if (op == Comparison::kEqual) return Equal(budget, a, b);
  if (op == Comparison::kNotEqual) return !Equal(budget, a, b);
  budget.Step();
  RequireDefined(a);
  RequireDefined(b);
  if (IsNumeric(a) && IsNumeric(b)) {
    const std::optional<int> sign = CompareNumbers(a, b);
    return sign.has_value() && FromSign(op, *sign);
  }
  if (a.kind() == b.kind() && (a.is_string() || a.kind() == Kind::kBytes)) {
    budget.Touch(std::min(a.as_string().size(), b.as_string().size()) / 4);
    // UTF-8 sorts as its code points do.
    return FromSign(op, a.as_string().compare(b.as_string()));
  }
  if (a.kind() == b.kind() && IsSequence(a)) return CompareItems(budget, op, a, b);
  RaiseRuntime(std::string("'") + Symbol(op) + "' not supported between instances of '" +
               TypeName(a) + "' and '" + TypeName(b) + "'");
}

bool Less(Budget& budget, const Value& a, const Value& b) {
  return Compare(budget, Comparison::kLess, a, b);
}

bool Contains(Budget& budget, const Value& container, const Value& item) {
  budget.Step();
  switch (container.kind()) {
    case Kind::kString:
      if (!item.is_string()) {
        RaiseRuntime("'in <string>' requires string as left operand, not " + TypeName(item));
      }
      return Find(budget, container.as_string(), item.as_string()) != std::string_view::npos;
    case Kind::kObject:
      RequireHashable(&budget, item);
      if (!item.is_string()) budget.Step(container.entries().size());
      return FindKey(container, item) != nullptr;
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      return std::any_of(container.items().begin(), container.items().end(),
                         [&](const Value& v) { return Equal(budget, v, item); });
    default:
      break;
  }
  if (!IsIterable(container)) {
    RaiseRuntime("argument of type '" + TypeName(container) + "' is not iterable");
  }
  Items items(budget, container);
  while (const std::optional<Value> next = items.Next()) {
    if (Equal(budget, *next, item)) return true;
  }
  return false;
}

int64_t Length(Budget& budget, const Value& value) {
  switch (value.kind()) {
    case Kind::kUndefined:
      return 0;
    case Kind::kString:
      budget.Touch(value.as_string().size());
      return static_cast<int64_t>(CountCodePoints(value.as_string()));
    case Kind::kBytes:
      return static_cast<int64_t>(value.as_string().size());
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      return static_cast<int64_t>(value.items().size());
    case Kind::kObject:
      return static_cast<int64_t>(value.entries().size());
    case Kind::kRange:
      return ValueAccess::Range(value).count;
    default:
      RaiseRuntime("object of type '" + TypeName(value) + "' has no len()");
  }
}

bool IsIterable(const Value& value) {
  switch (value.kind()) {
    case Kind::kNone:
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kBigInt:
    case Kind::kFloat:
    case Kind::kHost:
      return false;
    default:
      return true;
  }
}

Items::Items(Budget& budget, const Value& value) : budget_(budget), value_(value) {
  if (!IsIterable(value)) RaiseRuntime("'" + TypeName(value) + "' object is not iterable");
}

std::optional<Value> Items::Next() {
  budget_.Step();
  const auto index = static_cast<size_t>(at_);
  switch (value_.kind()) {
    case Kind::kString: {
      const StrView text(value_);
      if (index >= text.size()) return std::nullopt;
      const size_t length = DecodeAt(text.text(), index).length;
      at_ += static_cast<int64_t>(length);
      return MakeString(budget_, text.Sub(index, index + length));
    }
    case Kind::kBytes:
      if (index >= value_.as_string().size()) return std::nullopt;
      ++at_;
      return Value::Int(static_cast<unsigned char>(value_.as_string()[index]));
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      if (index >= value_.items().size()) return std::nullopt;
      ++at_;
      return value_.items()[index];
    case Kind::kObject:
      if (index >= value_.entries().size()) return std::nullopt;
      ++at_;
      return value_.entries()[index].key;
    case Kind::kRange: {
      const RangeRep& range = ValueAccess::Range(value_);
      if (at_ >= range.count) return std::nullopt;
      return Value::Int(range.start + range.step * at_++);
    }
    case Kind::kIterator:
      return ValueAccess::Iterator(value_).next();
    default:
      return std::nullopt;
  }
}

std::vector<Value> ToVector(Budget& budget, const Value& value, Charge& charge) {
  ListBuilder list(budget);
  Items items(budget, value);
  while (std::optional<Value> item = items.Next()) list.Add(std::move(*item));
  charge = Charge(budget, list.size() * sizeof(Value));
  return std::move(list.items());
}

}  // namespace hyprstream::text::tmpl
