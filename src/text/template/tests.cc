// Tests: what may follow "is".
#include <algorithm>

#include "text/template/builtins.h"
#include "text/template/interp.h"
#include "text/template/object_rep.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

using Kind = Value::Kind;

void NoArguments(CallArgs& args, std::string_view name) { const Bound bound(args, name, {}); }

template <bool (*kIs)(const Value&)>
Value Test(Interp&, CallArgs& args) {
  NoArguments(args, "test");
  return Value::Bool(kIs(args.positional[0]));
}

bool IsDefined(const Value& v) { return !v.is_undefined(); }
bool IsUndefined(const Value& v) { return v.is_undefined(); }
bool IsNone(const Value& v) { return v.is_none(); }
bool IsBoolean(const Value& v) { return v.is_bool(); }
bool IsTrue(const Value& v) { return v.is_bool() && v.as_bool(); }
bool IsFalse(const Value& v) { return v.is_bool() && !v.as_bool(); }
bool IsInteger(const Value& v) { return v.kind() == Kind::kInt || v.kind() == Kind::kBigInt; }
bool IsFloat(const Value& v) { return v.kind() == Kind::kFloat; }
bool IsString(const Value& v) { return v.is_string(); }
bool IsMapping(const Value& v) { return v.is_object(); }
bool IsSequence(const Value& v) {
  switch (v.kind()) {
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kObject:
    case Kind::kRange:
    case Kind::kUndefined:
      return true;
    default:
      return false;
  }
}
// An undefined value has a __call__, which is what Python's callable() asks for.
bool IsCallable(const Value& v) {
  return v.is_undefined() || (v.kind() == Kind::kHost && ValueAccess::Host(v).callable());
}
bool IsEscaped(const Value& v) { return v.is_string() && ValueAccess::IsMarkup(v); }

template <bool (*kIs)(char32_t)>
Value CaseTest(Interp& interp, CallArgs& args) {
  NoArguments(args, "test");
  const Value text = ToText(interp.budget(), args.positional[0]);
  return Value::Bool(AllCased(interp.budget(), text.as_string(), kIs));
}

Value Remainder(Interp& interp, const Value& value, const Value& divisor) {
  return Binary(interp.budget(), Arithmetic::kModulo, value, divisor);
}

template <int kRest>
Value ParityTest(Interp& interp, CallArgs& args) {
  NoArguments(args, "test");
  const Value rest = Remainder(interp, args.positional[0], Value::Int(2));
  return Value::Bool(Equal(interp.budget(), rest, Value::Int(kRest)));
}

Value DivisibleTest(Interp& interp, CallArgs& args) {
  const Bound bound(args, "divisibleby", {"num"}, 1);
  const Value rest = Remainder(interp, args.positional[0], bound[0]);
  return Value::Bool(Equal(interp.budget(), rest, Value::Int(0)));
}

template <Comparison kOp>
Value CompareTest(Interp& interp, CallArgs& args) {
  const Bound bound(args, "test", {"other"}, 1);
  return Value::Bool(Compare(interp.budget(), kOp, args.positional[0], bound[0]));
}

Value InTest(Interp& interp, CallArgs& args) {
  const Bound bound(args, "in", {"seq"}, 1);
  return Value::Bool(Contains(interp.budget(), bound[0], args.positional[0]));
}

Value SameTest(Interp& interp, CallArgs& args) {
  const Bound bound(args, "sameas", {"other"}, 1);
  const Value& a = args.positional[0];
  const Value& b = bound[0];
  if (a.kind() != b.kind()) return Value::Bool(false);
  if (const void* identity = ValueAccess::Identity(a);
      identity != nullptr && !a.is_string() && a.kind() != Kind::kBigInt) {
    return Value::Bool(identity == ValueAccess::Identity(b));
  }
  return Value::Bool(Equal(interp.budget(), a, b));
}

Value FilterTest(Interp& interp, CallArgs& args) {
  NoArguments(args, "filter");
  const Value& name = args.positional[0];
  RequireHashable(&interp.budget(), name);
  return Value::Bool(name.is_string() && FindFilter(name.as_string()) != nullptr);
}

Value TestTest(Interp& interp, CallArgs& args) {
  NoArguments(args, "test");
  const Value& name = args.positional[0];
  RequireHashable(&interp.budget(), name);
  return Value::Bool(name.is_string() && FindTest(name.as_string()) != nullptr);
}

}  // namespace

std::vector<NamedBuiltin> TypeTests() {
  return {{"defined", Test<IsDefined>},
          {"undefined", Test<IsUndefined>},
          {"none", Test<IsNone>},
          {"boolean", Test<IsBoolean>},
          {"true", Test<IsTrue>},
          {"false", Test<IsFalse>},
          {"integer", Test<IsInteger>},
          {"float", Test<IsFloat>},
          {"number", Test<IsNumeric>},
          {"string", Test<IsString>},
          {"mapping", Test<IsMapping>},
          {"sequence", Test<IsSequence>},
          {"iterable", Test<IsIterable>},
          {"callable", Test<IsCallable>},
          {"escaped", Test<IsEscaped>},
          {"upper", CaseTest<IsUpper>},
          {"lower", CaseTest<IsLower>},
          {"filter", FilterTest},
          {"test", TestTest}};
}

std::vector<NamedBuiltin> ComparisonTests() {
  return {{"odd", ParityTest<1>},
          {"even", ParityTest<0>},
          {"divisibleby", DivisibleTest},
          {"in", InTest},
          {"sameas", SameTest},
          {"eq", CompareTest<Comparison::kEqual>},
          {"equalto", CompareTest<Comparison::kEqual>},
          {"==", CompareTest<Comparison::kEqual>},
          {"ne", CompareTest<Comparison::kNotEqual>},
          {"!=", CompareTest<Comparison::kNotEqual>},
          {"lt", CompareTest<Comparison::kLess>},
          {"lessthan", CompareTest<Comparison::kLess>},
          {"<", CompareTest<Comparison::kLess>},
          {"le", CompareTest<Comparison::kLessEqual>},
          {"<=", CompareTest<Comparison::kLessEqual>},
          {"gt", CompareTest<Comparison::kGreater>},
          {"greaterthan", CompareTest<Comparison::kGreater>},
          {">", CompareTest<Comparison::kGreater>},
          {"ge", CompareTest<Comparison::kGreaterEqual>},
          {">=", CompareTest<Comparison::kGreaterEqual>}};
}

}  // namespace hyprstream::text::tmpl
