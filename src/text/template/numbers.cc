#include "text/template/numbers.h"

#include <boost/multiprecision/cpp_int.hpp>
#include <cmath>
#include <cstdlib>

#include "text/template/template_error.h"
#include "text/template/value_rep.h"

namespace hyprstream::text::tmpl {
namespace {

using BigInt = boost::multiprecision::cpp_int;
using Kind = Value::Kind;

constexpr unsigned kMaxBits = 14288;  // 4300 decimal digits

BigInt ToBig(const Value& v) {
  return v.kind() == Kind::kBigInt ? BigInt(v.as_string()) : BigInt(v.as_int());
}

uint64_t Bits(const BigInt& n) { return n == 0 ? 0 : boost::multiprecision::msb(abs(n)) + 1; }

Value FromBig(const BigInt& n) {
  if (Bits(n) > kMaxBits) RaiseLimit("an integer of the template grows too large");
  return Value::Integer(n.str());
}

BigInt FloorDivide(const BigInt& a, const BigInt& b) {
  BigInt quotient = a / b;
  if ((a % b != 0) && ((a < 0) != (b < 0))) --quotient;
  return quotient;
}

BigInt Power(Budget& budget, const BigInt& base, const BigInt& exponent) {
  if (base == 0 || base == 1 || exponent == 0) return exponent == 0 ? BigInt(1) : base;
  if (base == -1) return exponent % 2 == 0 ? BigInt(1) : BigInt(-1);
  if (exponent > kMaxBits || (Bits(base) - 1) * exponent.convert_to<uint64_t>() > kMaxBits) {
    RaiseLimit("an integer of the template grows too large");
  }
  budget.Step(100);
  return boost::multiprecision::pow(base, exponent.convert_to<unsigned>());
}

// Correctly rounded; infinite beyond the range of a double, where Boost's own conversion aborts.
double Rounded(const BigInt& n) { return std::strtod(n.str().c_str(), nullptr); }

// Python's true division: the exact quotient, rounded once. 66 bits of it and one that says whether
// anything is left are enough for that.
double Quotient(const BigInt& a, const BigInt& b) {
  const BigInt dividend = abs(a);
  const BigInt divisor = abs(b);
  const int shift = 66 - (static_cast<int>(Bits(dividend)) - static_cast<int>(Bits(divisor)));
  const BigInt scaled = shift > 0 ? BigInt(dividend << static_cast<unsigned>(shift)) : dividend;
  const BigInt unit = shift < 0 ? BigInt(divisor << static_cast<unsigned>(-shift)) : divisor;
  BigInt quotient = scaled / unit;
  if (scaled % unit != 0) quotient |= 1;
  const double magnitude = std::ldexp(Rounded(quotient), -shift);
  return (a < 0) != (b < 0) ? -magnitude : magnitude;
}

Value CalculateBig(Budget& budget, Arithmetic op, const Value& left, const Value& right) {
  budget.Step(200);
  const BigInt a = ToBig(left);
  const BigInt b = ToBig(right);
  switch (op) {
    case Arithmetic::kAdd:
      return FromBig(a + b);
    case Arithmetic::kSubtract:
      return FromBig(a - b);
    case Arithmetic::kMultiply:
      return FromBig(a * b);
    case Arithmetic::kFloorDivide:
      return FromBig(FloorDivide(a, b));
    case Arithmetic::kModulo:
      return FromBig(a - FloorDivide(a, b) * b);
    case Arithmetic::kPower:
      return FromBig(Power(budget, a, b));
    case Arithmetic::kDivide:
      break;
  }
  const double quotient = Quotient(a, b);
  if (!std::isfinite(quotient)) RaiseLimit("integer division result too large for a float");
  return Value::Float(quotient);
}

std::optional<Value> CalculateSmall(Arithmetic op, int64_t a, int64_t b) {
  int64_t result = 0;
  switch (op) {
    case Arithmetic::kAdd:
      if (__builtin_add_overflow(a, b, &result)) return std::nullopt;
      return Value::Int(result);
    case Arithmetic::kSubtract:
      if (__builtin_sub_overflow(a, b, &result)) return std::nullopt;
      return Value::Int(result);
    case Arithmetic::kMultiply:
      if (__builtin_mul_overflow(a, b, &result)) return std::nullopt;
      return Value::Int(result);
    case Arithmetic::kFloorDivide:
    case Arithmetic::kModulo: {
      if (b == -1) return std::nullopt;  // INT64_MIN / -1 overflows
      int64_t quotient = a / b;
      int64_t rest = a % b;
      if (rest != 0 && (rest < 0) != (b < 0)) {
        --quotient;
        rest += b;
      }
      return Value::Int(op == Arithmetic::kModulo ? rest : quotient);
    }
    default:
      return std::nullopt;
  }
}

double FloatModulo(double a, double b) {
  double rest = std::fmod(a, b);
  if (rest != 0 && (b < 0) != (rest < 0)) rest += b;
  return rest == 0 ? std::copysign(0.0, b) : rest;
}

// As CPython computes it, from the remainder.
double FloatFloorDivide(double a, double b) {
  const double rest = FloatModulo(a, b);
  const double quotient = (a - rest) / b;
  if (quotient == 0) return std::copysign(0.0, a / b);
  const double floor = std::floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

Value CalculateFloat(Arithmetic op, double a, double b) {
  switch (op) {
    case Arithmetic::kAdd:
      return Value::Float(a + b);
    case Arithmetic::kSubtract:
      return Value::Float(a - b);
    case Arithmetic::kMultiply:
      return Value::Float(a * b);
    case Arithmetic::kDivide:
      return Value::Float(a / b);
    case Arithmetic::kFloorDivide:
      return Value::Float(FloatFloorDivide(a, b));
    case Arithmetic::kModulo:
      return Value::Float(FloatModulo(a, b));
    case Arithmetic::kPower:
      break;
  }
  if (a == 0 && b < 0) RaiseRuntime("0.0 cannot be raised to a negative power");
  if (a < 0 && std::isfinite(b) && b != std::floor(b)) {
    RaiseRuntime("a negative number to a fractional power is not supported");
  }
  const double power = std::pow(a, b);
  if (!std::isfinite(power) && std::isfinite(a) && std::isfinite(b)) {
    RaiseLimit("(34, 'Numerical result out of range')");
  }
  return Value::Float(power);
}

bool IsZero(const Value& v) {
  return v.kind() == Kind::kFloat ? v.as_float() == 0 : v.kind() != Kind::kBigInt && !v.as_int();
}

bool IsNegative(const Value& v) {
  return v.kind() == Kind::kBigInt ? v.as_string()[0] == '-' : v.as_int() < 0;
}

Value CalculateUnmarked(Budget& budget, Arithmetic op, const Value& a, const Value& b) {
  const bool floats = a.kind() == Kind::kFloat || b.kind() == Kind::kFloat;
  if ((op == Arithmetic::kDivide || op == Arithmetic::kFloorDivide) && IsZero(b)) {
    RaiseRuntime(floats ? "float division by zero" : "division by zero");
  }
  if (op == Arithmetic::kModulo && IsZero(b)) {
    RaiseRuntime(floats ? "float modulo" : "integer modulo by zero");
  }
  if (floats) return CalculateFloat(op, ToDouble(a), ToDouble(b));
  if (op == Arithmetic::kPower && IsNegative(b)) {
    return CalculateFloat(op, ToDouble(a), ToDouble(b));
  }
  if (a.kind() != Kind::kBigInt && b.kind() != Kind::kBigInt) {
    if (const auto small = CalculateSmall(op, a.as_int(), b.as_int())) return *small;
    constexpr int64_t kExact = int64_t{1} << 53;
    if (op == Arithmetic::kDivide && std::abs(a.as_int() / 2) < kExact / 2 &&
        std::abs(b.as_int() / 2) < kExact / 2) {
      return Value::Float(static_cast<double>(a.as_int()) / static_cast<double>(b.as_int()));
    }
  }
  return CalculateBig(budget, op, a, b);
}

}  // namespace

bool IsIntegral(const Value& v) {
  return v.kind() == Kind::kInt || v.kind() == Kind::kBool || v.kind() == Kind::kBigInt;
}

bool IsNumeric(const Value& v) { return IsIntegral(v) || v.kind() == Kind::kFloat; }

double ToDouble(const Value& v) {
  if (v.kind() == Kind::kFloat) return v.as_float();
  if (v.kind() != Kind::kBigInt) return static_cast<double>(v.as_int());
  const double value = Rounded(ToBig(v));
  if (!std::isfinite(value)) RaiseLimit("int too large to convert to float");
  return value;
}

Value FloatToInteger(double value) {
  if (std::isnan(value)) RaiseRuntime("cannot convert float NaN to integer");
  if (std::isinf(value)) RaiseRuntime("cannot convert float infinity to integer");
  return FromBig(BigInt(std::trunc(value)));
}

Value Calculate(Budget& budget, Arithmetic op, const Value& a, const Value& b) {
  return ValueAccess::WithInput(CalculateUnmarked(budget, op, a, b),
                                a.from_input() || b.from_input());
}

Value Negate(Budget& budget, const Value& v) {
  if (v.kind() == Kind::kFloat) {
    return ValueAccess::WithInput(Value::Float(-v.as_float()), v.from_input());
  }
  return Calculate(budget, Arithmetic::kSubtract, Value::Int(0), v);
}

std::optional<int> CompareNumbers(const Value& a, const Value& b) {
  const auto sign = [](const auto& x, const auto& y) { return x < y ? -1 : (y < x ? 1 : 0); };
  const bool a_float = a.kind() == Kind::kFloat;
  const bool b_float = b.kind() == Kind::kFloat;
  if (a_float && b_float) {
    if (std::isnan(a.as_float()) || std::isnan(b.as_float())) return std::nullopt;
    return sign(a.as_float(), b.as_float());
  }
  if (a_float || b_float) {
    const double real = a_float ? a.as_float() : b.as_float();
    if (std::isnan(real)) return std::nullopt;
    const int direction = a_float ? 1 : -1;
    if (std::isinf(real)) return real > 0 ? direction : -direction;
    const BigInt whole(std::trunc(real));
    const BigInt other = ToBig(a_float ? b : a);
    if (whole != other) return whole < other ? -direction : direction;
    return direction * sign(real, std::trunc(real));
  }
  if (a.kind() != Kind::kBigInt && b.kind() != Kind::kBigInt) return sign(a.as_int(), b.as_int());
  return sign(ToBig(a), ToBig(b));
}

std::string IntegerInBase(const Value& v, int base) {
  const BigInt n = ToBig(v);
  const unsigned shift = base == 16 ? 4 : (base == 8 ? 3 : 1);
  const unsigned mask = (1u << shift) - 1;
  std::string digits;
  for (BigInt rest = abs(n); rest != 0; rest >>= shift) {
    digits += "0123456789abcdef"[(rest & mask).convert_to<unsigned>()];
  }
  if (digits.empty()) digits = "0";
  if (n < 0) digits += '-';
  return {digits.rbegin(), digits.rend()};
}

}  // namespace hyprstream::text::tmpl
