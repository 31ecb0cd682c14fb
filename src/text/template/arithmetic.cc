// Binary operators on anything but two numbers.
#include "text/template/escape.h"
#include "text/template/format.h"
#include "text/template/marked_string.h"
#include "text/template/operators.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

using Kind = Value::Kind;

const char* Symbol(Arithmetic op) {
  switch (op) {
    case Arithmetic::kAdd:
      return "+";
    case Arithmetic::kSubtract:
      return "-";
    case Arithmetic::kMultiply:
      return "*";
    case Arithmetic::kDivide:
      return "/";
    case Arithmetic::kFloorDivide:
      return "//";
    case Arithmetic::kModulo:
      return "%";
    case Arithmetic::kPower:
      return "** or pow()";
  }
  return "?";
}

bool IsSequence(const Value& v) {
  return v.is_string() || v.kind() == Kind::kList || v.kind() == Kind::kTuple;
}

Value ConcatenateText(Budget& budget, const Value& a, const Value& b) {
  const bool markup = ValueAccess::IsMarkup(a) || ValueAccess::IsMarkup(b);
  const Value left = markup ? Escape(budget, a) : a;
  const Value right = markup ? Escape(budget, b) : b;
  TextBuilder out(budget);
  out.Append(StrView(left));
  out.Append(StrView(right));
  return out.Finish(markup);
}

Value ConcatenateItems(Budget& budget, const Value& a, const Value& b) {
  ListBuilder out(budget);
  for (const Value& item : a.items()) out.Add(item);
  for (const Value& item : b.items()) out.Add(item);
  return ValueAccess::WithInput(out.Finish(a.kind()), a.from_input() || b.from_input());
}

Value Add(Budget& budget, const Value& a, const Value& b) {
  if (a.kind() == b.kind() && a.is_string()) return ConcatenateText(budget, a, b);
  if (a.kind() == b.kind() && IsSequence(a)) return ConcatenateItems(budget, a, b);
  if (IsSequence(a)) {
    RaiseRuntime("can only concatenate " + TypeName(a) + " (not \"" + TypeName(b) + "\") to " +
                 TypeName(a));
  }
  RaiseRuntime("unsupported operand type(s) for +: '" + TypeName(a) + "' and '" + TypeName(b) +
               "'");
}

Value Repeat(Budget& budget, const Value& sequence, const Value& times) {
  if (times.kind() == Kind::kBigInt && times.as_string()[0] != '-') {
    RaiseLimit("a value of the template grows too large");
  }
  const int64_t wanted = times.kind() == Kind::kBigInt ? 0 : times.as_int();
  const auto count = static_cast<uint64_t>(wanted < 0 ? 0 : wanted);
  if (sequence.is_string()) {
    TextBuilder out(budget);
    out.Repeat(StrView(sequence), count);
    return out.Finish(ValueAccess::IsMarkup(sequence));
  }
  ListBuilder out(budget);
  for (uint64_t i = 0; i < count && !sequence.items().empty(); ++i) {
    for (const Value& item : sequence.items()) out.Add(item);
  }
  return ValueAccess::WithInput(out.Finish(sequence.kind()), sequence.from_input());
}

}  // namespace

Value Binary(Budget& budget, Arithmetic op, const Value& a, const Value& b) {
  if (IsNumeric(a) && IsNumeric(b)) return Calculate(budget, op, a, b);
  // "%" formats an undefined value as it formats any other.
  if (op == Arithmetic::kModulo && a.is_string()) {
    return FormatPercent(budget, a, b);
  }
  RequireDefined(a);
  RequireDefined(b);
  if (op == Arithmetic::kAdd) return Add(budget, a, b);
  if (op == Arithmetic::kMultiply) {
    if (IsSequence(a) && IsIntegral(b)) return Repeat(budget, a, b);
    if (IsSequence(b) && IsIntegral(a)) return Repeat(budget, b, a);
  }
  RaiseRuntime(std::string("unsupported operand type(s) for ") + Symbol(op) + ": '" + TypeName(a) +
               "' and '" + TypeName(b) + "'");
}

}  // namespace hyprstream::text::tmpl
