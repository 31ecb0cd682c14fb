#include <algorithm>
#include <cmath>
#include <cstdio>

#include "text/template/format.h"
#include "text/template/numbers.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

constexpr uint64_t kMaxWidth = 1u << 26;
constexpr int kMaxPrecision = 1000;

bool IsAlign(char c) { return c == '<' || c == '>' || c == '^' || c == '='; }

uint64_t ReadNumber(std::string_view& text) {
  uint64_t number = 0;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    number = number * 10 + static_cast<uint64_t>(text[0] - '0');
    if (number > kMaxWidth) RaiseLimit("a width in the template's format is too large");
    text.remove_prefix(1);
  }
  return number;
}

std::string Printf(const char* form, int precision, double value) {
  const int size = std::snprintf(nullptr, 0, form, precision, value);
  std::string text(static_cast<size_t>(size) + 1, '\0');
  std::snprintf(text.data(), text.size(), form, precision, value);
  text.pop_back();
  return text;
}

// Puts `separator` between groups of the digits before the point.
std::string Group(const std::string& digits, char separator, size_t every) {
  const size_t whole = std::min(digits.find_first_not_of("0123456789abcdefABCDEF"), digits.size());
  std::string out;
  for (size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % every == 0) out += separator;
    out += digits[i];
  }
  return out + digits.substr(whole);
}

// Sign, prefix and digits, with zeros or fill between them when the alignment is '='.
void PadNumber(TextBuilder& out, Budget& budget, const std::string& sign, std::string digits,
               const FormatSpec& spec, bool inert) {
  if (spec.align != '=') {
    TextBuilder body(budget);
    body.Append(sign + digits, inert);
    const Value text = body.Finish();
    return PadTo(out, budget, StrView(text), spec, '>');
  }
  const size_t used = sign.size() + digits.size();
  out.Append(sign, inert);
  if (spec.width > used) {
    // Zeros between grouped digits are grouped as well.
    if (spec.grouping != 0 && spec.fill == "0") {
      const size_t whole = std::min(digits.find_first_not_of("0123456789,_"), digits.size());
      while (sign.size() + digits.size() < spec.width) {
        size_t run = 0;
        while (run < whole && digits[run] != spec.grouping) ++run;
        digits.insert(0, run == 3 ? std::string(1, spec.grouping) : "0");
        if (run == 3 && sign.size() + digits.size() == spec.width) digits.insert(0, "0");
      }
    } else {
      out.Repeat(spec.fill, spec.width - used);
    }
  }
  out.Append(digits, inert);
}

std::string SignText(bool negative, char sign) {
  if (negative) return "-";
  return sign == '+' ? "+" : (sign == ' ' ? " " : "");
}

void FormatInteger(TextBuilder& out, Budget& budget, const Value& value, const FormatSpec& spec) {
  if (spec.type == 'c') {
    std::string letter;
    const int64_t code = value.kind() == Value::Kind::kBigInt ? -1 : value.as_int();
    if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      RaiseRuntime("%c arg not in range(0x110000)");
    }
    AppendUtf8(letter, static_cast<char32_t>(code));
    TextBuilder body(budget);
    body.Append(letter, value.from_input());
    const Value text = body.Finish();
    return PadTo(out, budget, StrView(text), spec, '>');
  }
  if (spec.precision >= 0) RaiseRuntime("Precision not allowed in integer format specifier");
  const int base = spec.type == 'x' || spec.type == 'X' ? 16
                   : spec.type == 'o'                   ? 8
                   : spec.type == 'b'                   ? 2
                                                        : 10;
  std::string digits = base == 10 ? IntegerText(value) : IntegerInBase(value, base);
  const bool negative = digits[0] == '-';
  if (negative) digits.erase(0, 1);
  if (spec.grouping != 0) digits = Group(digits, spec.grouping, base == 10 ? 3 : 4);
  std::string sign = SignText(negative, spec.sign);
  if (spec.alternate && base != 10) sign += std::string("0") + spec.type;
  if (spec.type == 'X') {
    std::transform(digits.begin(), digits.end(), digits.begin(),
                   [](char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 32) : c; });
  }
  PadNumber(out, budget, sign, digits, spec, value.from_input());
}

// The shortest text, as repr, but with "g"'s choice of exponent when a precision is given.
std::string PlainFloat(double value, const FormatSpec& spec) {
  if (spec.precision < 0) return FloatRepr(value);
  std::string text = Printf("%.*g", std::max(spec.precision, 1), value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text;
}

}  // namespace

FormatSpec ParseFormatSpec(std::string_view text) {
  FormatSpec spec;
  if (!text.empty()) {
    const size_t first = DecodeAt(text, 0).length;
    if (text.size() > first && IsAlign(text[first])) {
      spec.fill = std::string(text.substr(0, first));
      spec.align = text[first];
      text.remove_prefix(first + 1);
    } else if (IsAlign(text[0])) {
      spec.align = text[0];
      text.remove_prefix(1);
    }
  }
  const auto take = [&](std::string_view set) {
    if (text.empty() || set.find(text[0]) == std::string_view::npos) return '\0';
    const char c = text[0];
    text.remove_prefix(1);
    return c;
  };
  if (const char sign = take("+- ")) spec.sign = sign;
  spec.alternate = take("#") != 0;
  if (take("0") != 0 && spec.align == 0) {
    spec.fill = "0";
    spec.align = '=';
  }
  spec.width = ReadNumber(text);
  spec.grouping = take(",_");
  if (take(".") != 0) {
    if (text.empty() || text[0] < '0' || text[0] > '9')
      RaiseRuntime("Format specifier missing precision");
    spec.precision = static_cast<int>(std::min<uint64_t>(ReadNumber(text), INT32_MAX));
  }
  if (text.size() > 1) RaiseRuntime("Invalid format specifier");
  if (!text.empty()) spec.type = text[0];
  return spec;
}

std::string FormatFloat(double value, const FormatSpec& spec) {
  if (spec.precision > kMaxPrecision)
    RaiseLimit("a precision in the template's format is too large");
  const double magnitude = std::fabs(value);
  if (!std::isfinite(value)) {
    const bool upper = spec.type >= 'A' && spec.type <= 'Z';
    return std::isnan(value) ? (upper ? "NAN" : "nan") : (upper ? "INF" : "inf");
  }
  const int precision = spec.precision < 0 ? 6 : spec.precision;
  std::string text;
  switch (spec.type) {
    case 0:
      text = PlainFloat(magnitude, spec);
      break;
    case 'e':
      text = Printf(spec.alternate ? "%#.*e" : "%.*e", precision, magnitude);
      break;
    case 'E':
      text = Printf(spec.alternate ? "%#.*E" : "%.*E", precision, magnitude);
      break;
    case 'f':
    case 'F':
      text = Printf(spec.alternate ? "%#.*f" : "%.*f", precision, magnitude);
      break;
    case 'g':
    case 'n':
      text = Printf(spec.alternate ? "%#.*g" : "%.*g", precision, magnitude);
      break;
    case 'G':
      text = Printf(spec.alternate ? "%#.*G" : "%.*G", precision, magnitude);
      break;
    case '%':
      text = Printf("%.*f", precision, magnitude * 100) + "%";
      break;
    default:
      RaiseRuntime(std::string("Unknown format code '") + spec.type +
                   "' for object of type 'float'");
  }
  return spec.grouping == 0 ? text : Group(text, spec.grouping, 3);
}

void PadTo(TextBuilder& out, Budget& budget, StrView body, const FormatSpec& spec,
           char default_align) {
  const uint64_t length = spec.width == 0 ? 0 : CountCodePoints(body.text());
  budget.Touch(body.size());
  if (spec.width <= length) return out.Append(body);
  const uint64_t missing = spec.width - length;
  const char align = spec.align == 0 ? default_align : spec.align;
  const uint64_t left = align == '<' ? 0 : (align == '^' ? missing / 2 : missing);
  out.Repeat(spec.fill, left);
  out.Append(body);
  out.Repeat(spec.fill, missing - left);
}

void FormatTo(TextBuilder& out, Budget& budget, const Value& value, const FormatSpec& spec) {
  const bool float_type =
      spec.type != 0 && std::string_view("eEfFgGn%").find(spec.type) != std::string_view::npos;
  if (value.kind() == Value::Kind::kFloat ||
      (IsIntegral(value) && float_type && spec.type != 'n')) {
    const double number = ToDouble(value);
    return PadNumber(out, budget, SignText(std::signbit(number), spec.sign),
                     FormatFloat(number, spec), spec, value.from_input());
  }
  const bool plain_bool = value.is_bool() && spec.type == 0;
  if (IsIntegral(value) && !plain_bool) {
    if (spec.type != 0 && std::string_view("bcdoxXn").find(spec.type) == std::string_view::npos) {
      RaiseRuntime(std::string("Unknown format code '") + spec.type + "' for object of type 'int'");
    }
    return FormatInteger(out, budget, value, spec);
  }
  if (value.is_string() || plain_bool) {
    if ((spec.type != 0 && spec.type != 's') || spec.align == '=' || spec.sign != '-') {
      RaiseRuntime("Invalid format specifier for object of type '" + TypeName(value) + "'");
    }
    const Value text = ToText(budget, value);
    StrView body(text);
    if (spec.precision >= 0) {
      budget.Touch(body.size());
      body = body.Sub(0, ByteOffset(body.text(), static_cast<size_t>(spec.precision)));
    }
    return PadTo(out, budget, body, spec, '<');
  }
  RaiseRuntime("unsupported format string passed to " + TypeName(value) + ".__format__");
}

}  // namespace hyprstream::text::tmpl
