// Numbers from and to text.
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "text/template/numbers.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

std::string_view TrimAscii(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || (c >= 0x09 && c <= 0x0D); };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

// Underscores may stand between digits only.
std::optional<std::string> PlainDigits(std::string_view text, int base) {
  std::string digits;
  bool after_digit = false;
  for (const char c : text) {
    if (c == '_' && after_digit) {
      after_digit = false;
      continue;
    }
    if (DigitOf(c) >= base) return std::nullopt;
    digits += c;
    after_digit = true;
  }
  if (!after_digit) return std::nullopt;
  return digits;
}

Value FromDigits(const std::string& digits, int base, bool negative) {
  if (digits.size() > kMaxIntegerDigits) {
    RaiseRuntime("Exceeds the limit (4300 digits) for integer string conversion");
  }
  if (base == 10) {
    const size_t first = std::min(digits.find_first_not_of('0'), digits.size() - 1);
    return Value::Integer((negative ? "-" : "") + digits.substr(first));
  }
  TemplateLimits limits;
  Budget budget(limits);
  Value value = Value::Int(0);
  for (const char c : digits) {
    value = Calculate(budget, Arithmetic::kMultiply, value, Value::Int(base));
    value = Calculate(budget, Arithmetic::kAdd, value, Value::Int(DigitOf(c)));
  }
  return negative ? Negate(budget, value) : value;
}

}  // namespace

std::optional<Value> ParseInteger(std::string_view text, int base) {
  text = TrimAscii(text);
  const bool negative = !text.empty() && text.front() == '-';
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  int actual = base;
  if (text.size() > 2 && text[0] == '0') {
    const int prefix = DigitOf(text[1]);  // b, o or x
    const int meant = prefix == 11 ? 2 : (prefix == 24 ? 8 : (prefix == 33 ? 16 : 0));
    if (meant != 0 && (base == 0 || base == meant)) {
      actual = meant;
      text.remove_prefix(text[2] == '_' ? 3 : 2);
    }
  }
  if (actual == 0) actual = 10;
  if (actual < 2 || actual > 36) RaiseRuntime("int() base must be >= 2 and <= 36, or 0");
  const auto digits = PlainDigits(text, actual);
  if (!digits.has_value()) return std::nullopt;
  return FromDigits(*digits, actual, negative);
}

std::optional<double> ParseFloat(std::string_view text) {
  text = TrimAscii(text);
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      plain += text[i];
    } else if (i == 0 || i + 1 == text.size() || DigitOf(text[i - 1]) > 9 ||
               DigitOf(text[i + 1]) > 9) {
      return std::nullopt;
    }
  }
  const char* begin = plain.data();
  const char* end = begin + plain.size();
  if (begin != end && *begin == '+') ++begin;
  if (begin == end || (*begin == '-' && begin != plain.data())) return std::nullopt;
  if (plain.find('(') != std::string::npos) return std::nullopt;  // nan(…)
  double value = 0;
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (stop != end) return std::nullopt;
  // Out of range: strtod gives the infinity or zero that Python gives.
  if (error == std::errc::result_out_of_range) return std::strtod(plain.c_str(), nullptr);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const auto scientific =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string text(buffer, scientific.ptr);
  const size_t e = text.find('e');
  const int exponent = std::atoi(text.c_str() + e + 1);
  if (exponent < -4 || exponent >= 16) return text;
  const auto fixed = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  std::string plain(buffer, fixed.ptr);
  if (plain.find('.') == std::string::npos) plain += ".0";
  return plain;
}

std::string IntegerText(const Value& v) {
  if (v.kind() == Value::Kind::kBigInt) return v.as_string();
  return std::to_string(v.as_int());
}

}  // namespace hyprstream::text::tmpl
