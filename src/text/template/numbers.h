// Python's numbers: integers of any size (up to the 4300 digits that Python prints), floats, their
// text, and arithmetic with Python's rounding and sign rules.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "text/template/budget.h"
#include "text/template/value.h"

namespace hyprstream::text::tmpl {

inline constexpr size_t kMaxIntegerDigits = 4300;

enum class Arithmetic { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo, kPower };

bool IsIntegral(const Value& v);  // bool, int, big int
bool IsNumeric(const Value& v);   // and float
double ToDouble(const Value& v);
/// Truncates towards zero. Errors: kRuntime for NaN and infinity.
Value FloatToInteger(double value);
/// An integer in base 10, or 2, 8, 16 with Python's prefixes and underscores when `base` is 0;
/// nothing when the text is no integer.
std::optional<Value> ParseInteger(std::string_view text, int base);
/// What float() accepts, white space around it included.
std::optional<double> ParseFloat(std::string_view text);

/// repr of a float: the shortest digits that read back, exponents from 1e16 and below 1e-4.
std::string FloatRepr(double value);
std::string IntegerText(const Value& v);
/// An integer in base 2, 8 or 16, lower case, without prefix, sign in front.
std::string IntegerInBase(const Value& v, int base);

/// Precondition: both numeric. Errors: kRuntime (division by zero), kLimit (too large).
Value Calculate(Budget& budget, Arithmetic op, const Value& a, const Value& b);
Value Negate(Budget& budget, const Value& v);
/// Negative, zero or positive; nothing when one is NaN. Precondition: both numeric.
std::optional<int> CompareNumbers(const Value& a, const Value& b);

}  // namespace hyprstream::text::tmpl
