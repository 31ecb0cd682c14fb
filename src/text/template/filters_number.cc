// Filters that make numbers.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "text/template/builtins.h"
#include "text/template/interp.h"
#include "text/template/numbers.h"
#include "text/template/operators.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

using Kind = Value::Kind;

Value Marked(Value result, const CallArgs& args) {
  return ValueAccess::WithInput(std::move(result), args.positional[0].from_input());
}

Value AbsFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "abs", {});
  const Value& value = args.positional[0];
  if (!IsNumeric(value)) RaiseRuntime("bad operand type for abs(): '" + TypeName(value) + "'");
  if (value.kind() == Kind::kFloat) return Marked(Value::Float(std::fabs(value.as_float())), args);
  if (*CompareNumbers(value, Value::Int(0)) < 0) return Negate(interp.budget(), value);
  return Calculate(interp.budget(), Arithmetic::kAdd, value, Value::Int(0));
}

// Nothing when the value is no number at all.
std::optional<Value> ToInteger(const Value& value, int base) {
  if (value.is_string()) {
    if (std::optional<Value> exact = ParseInteger(value.as_string(), base)) return exact;
    const std::optional<double> real = ParseFloat(value.as_string());
    if (real.has_value() && std::isfinite(*real)) return FloatToInteger(*real);
    return std::nullopt;
  }
  if (value.kind() == Kind::kFloat) {
    if (!std::isfinite(value.as_float())) return std::nullopt;
    return FloatToInteger(value.as_float());
  }
  if (value.is_bool()) return Value::Int(value.as_int());
  if (IsIntegral(value)) return value;
  return std::nullopt;
}

Value IntFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "int", {"default", "base"});
  const int64_t base = bound.Integer(1, 10);
  if (args.positional[0].is_string()) interp.budget().Touch(args.positional[0].as_string().size());
  RequireDefined(args.positional[0]);
  const auto number = ToInteger(args.positional[0], static_cast<int>(std::min<int64_t>(base, 99)));
  return number.has_value() ? Marked(*number, args) : bound.Or(0, Value::Int(0));
}

Value FloatFilter(Interp&, CallArgs& args) {
  const Bound bound(args, "float", {"default"});
  const Value& value = args.positional[0];
  RequireDefined(value);
  if (IsNumeric(value)) return Marked(Value::Float(ToDouble(value)), args);
  if (value.is_string()) {
    if (const auto real = ParseFloat(value.as_string())) return Marked(Value::Float(*real), args);
  }
  return bound.Or(0, Value::Float(0));
}

// Python rounds the exact binary value, half to even; printf does the same.
double RoundTo(double value, int64_t digits) {
  if (!std::isfinite(value) || digits > 323) return value;
  if (digits < -308) return std::copysign(0.0, value);
  if (digits >= 0) {
    char buffer[800];
    std::snprintf(buffer, sizeof buffer, "%.*f", static_cast<int>(digits), value);
    return std::strtod(buffer, nullptr);
  }
  // As many significant digits as stand left of the place; %e rounds those exactly.
  char buffer[400];
  std::snprintf(buffer, sizeof buffer, "%.0f", std::fabs(value));
  const auto significant = static_cast<int64_t>(std::strlen(buffer)) + digits;
  if (significant < 0) return std::copysign(0.0, value);
  if (significant == 0) {
    const double unit = std::strtod(("1e" + std::to_string(-digits)).c_str(), nullptr);
    return std::copysign(std::fabs(value) > unit / 2 ? unit : 0.0, value);
  }
  std::snprintf(buffer, sizeof buffer, "%.*e", static_cast<int>(significant - 1), value);
  return std::strtod(buffer, nullptr);
}

// Half to even, exactly, at the place 10^places.
Value RoundInteger(Budget& budget, const Value& value, int64_t places) {
  if (places > static_cast<int64_t>(kMaxIntegerDigits)) return Value::Int(0);
  const Value unit = Calculate(budget, Arithmetic::kPower, Value::Int(10), Value::Int(places));
  Value count = Calculate(budget, Arithmetic::kFloorDivide, value, unit);
  const Value rest = Calculate(budget, Arithmetic::kModulo, value, unit);
  const Value twice = Calculate(budget, Arithmetic::kMultiply, rest, Value::Int(2));
  const int side = *CompareNumbers(twice, unit);
  const Value parity = Calculate(budget, Arithmetic::kModulo, count, Value::Int(2));
  if (side > 0 || (side == 0 && parity.as_int() == 1)) {
    count = Calculate(budget, Arithmetic::kAdd, count, Value::Int(1));
  }
  return Calculate(budget, Arithmetic::kMultiply, count, unit);
}

Value RoundFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "round", {"precision", "method"});
  const Value& value = args.positional[0];
  const std::string method = bound.Has(1) ? bound.Text(1).as_string() : "common";
  if (method != "common" && method != "ceil" && method != "floor") {
    RaiseRuntime("method must be common, ceil or floor");
  }
  if (!IsNumeric(value))
    RaiseRuntime("type " + TypeName(value) + " doesn't define __round__ method");
  const int64_t digits = bound.Integer(0, 0);
  if (method == "common") {
    if (value.kind() == Kind::kFloat)
      return Marked(Value::Float(RoundTo(value.as_float(), digits)), args);
    if (digits >= 0) return value.is_bool() ? Marked(Value::Int(value.as_int()), args) : value;
    return RoundInteger(interp.budget(), value, -std::max<int64_t>(digits, -INT64_MAX));
  }
  const double scale = std::pow(10.0, static_cast<double>(digits));
  const double scaled = ToDouble(value) * scale;
  if (!std::isfinite(scaled)) RaiseRuntime("cannot convert float infinity to integer");
  return Marked(Value::Float((method == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / scale),
                args);
}

Value FileSizeFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "filesizeformat", {"binary"});
  const Value& value = args.positional[0];
  RequireDefined(value);
  double bytes = 0;
  if (value.is_string()) {
    const auto parsed = ParseFloat(value.as_string());
    if (!parsed.has_value()) RaiseRuntime("could not convert string to float");
    bytes = *parsed;
  } else if (IsNumeric(value)) {
    bytes = ToDouble(value);
  } else {
    RaiseRuntime("float() argument must be a string or a real number, not '" + TypeName(value) +
                 "'");
  }
  const bool binary = bound.Flag(0, false);
  const double base = binary ? 1024 : 1000;
  std::string text;
  if (bytes == 1) {
    text = "1 Byte";
  } else if (bytes < base) {
    text = std::to_string(static_cast<int64_t>(bytes)) + " Bytes";
  } else {
    double unit = base;
    size_t prefix = 0;
    while (prefix < 7 && bytes >= unit * base) {
      unit *= base;
      ++prefix;
    }
    char buffer[400];
    std::snprintf(buffer, sizeof buffer, "%.1f %c%sB", bytes / unit,
                  binary ? "KMGTPEZY"[prefix] : "kMGTPEZY"[prefix], binary ? "i" : "");
    text = buffer;
  }
  return Marked(MakeText(interp.budget(), text), args);
}

}  // namespace

std::vector<NamedBuiltin> NumberFilters() {
  return {{"abs", AbsFilter},
          {"int", IntFilter},
          {"float", FloatFilter},
          {"round", RoundFilter},
          {"filesizeformat", FileSizeFilter}};
}

}  // namespace hyprstream::text::tmpl
