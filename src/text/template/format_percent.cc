// "%s" % values.
#include <cmath>

#include "text/template/escape.h"
#include "text/template/format.h"
#include "text/template/numbers.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

using Kind = Value::Kind;

class PercentFormatter {
 public:
  PercentFormatter(Budget& budget, const Value& format, const Value& values)
      : budget_(budget),
        format_(format),
        markup_(ValueAccess::IsMarkup(format)),
        values_(values),
        out_(budget) {}

  Value Run() {
    const std::string_view text = format_.text();
    while (at_ < text.size()) {
      const size_t percent = std::min(text.find('%', at_), text.size());
      budget_.Step();
      out_.Append(format_.Sub(at_, percent));
      at_ = percent;
      if (at_ < text.size()) Directive();
    }
    const bool all_used = values_.kind() == Kind::kTuple ? next_ == values_.items().size()
                                                         : next_ == 1 || mapping_used_;
    // What can be subscripted may be there for the sake of "%(name)s".
    const bool mapping = values_.is_object() || values_.is_list() || values_.is_undefined() ||
                         values_.kind() == Kind::kRange;
    if (!all_used && !mapping) {
      RaiseRuntime("not all arguments converted during string formatting");
    }
    return out_.Finish(markup_);
  }

 private:
  char Peek() const {
    if (at_ >= format_.size()) RaiseRuntime("incomplete format");
    return format_.text()[at_];
  }

  void Directive() {
    ++at_;
    std::optional<Value> keyed;
    if (Peek() == '(') keyed = Keyed();
    std::string flags;
    while (std::string_view("#0- +").find(Peek()) != std::string_view::npos) {
      flags += format_.text()[at_++];
      if (flags.size() > 64) RaiseRuntime("too many flags in a format");
    }
    FormatSpec spec = ParseFormatSpec(NumberText());
    if (Peek() == '.') {
      ++at_;
      const std::string digits = NumberText();
      spec.precision = ParseFormatSpec("." + (digits.empty() ? "0" : digits)).precision;
    }
    while (Peek() == 'l' || Peek() == 'h' || Peek() == 'L') ++at_;
    spec.type = Peek();
    ++at_;
    if (spec.type == '%') return out_.Append("%");
    ApplyFlags(flags, spec);
    Convert(keyed.has_value() ? *keyed : NextValue(), spec);
  }

  Value Keyed() {
    const size_t close = format_.text().find(')', at_);
    if (close == std::string_view::npos) RaiseRuntime("incomplete format key");
    if (!values_.is_object()) RaiseRuntime("format requires a mapping");
    const std::string_view key = format_.text().substr(at_ + 1, close - at_ - 1);
    const Value* value = values_.Find(key);
    if (value == nullptr) RaiseRuntime("'" + std::string(key) + "'");
    at_ = close + 1;
    mapping_used_ = true;
    return *value;
  }

  std::string NumberText() {
    if (at_ < format_.size() && Peek() == '*') {
      ++at_;
      const Value width = NextValue();
      if (!IsIntegral(width) || width.kind() == Kind::kBigInt) RaiseRuntime("* wants int");
      return std::to_string(std::max<int64_t>(width.as_int(), 0));
    }
    std::string digits;
    while (at_ < format_.size() && Peek() >= '0' && Peek() <= '9' && digits.size() < 20) {
      digits += format_.text()[at_++];
    }
    return digits.find_first_not_of('0') == std::string::npos ? "" : digits;
  }

  Value NextValue() {
    if (values_.kind() != Kind::kTuple) {
      if (next_++ > 0) RaiseRuntime("not enough arguments for format string");
      return values_;
    }
    if (next_ >= values_.items().size()) RaiseRuntime("not enough arguments for format string");
    return values_.items()[next_++];
  }

  static void ApplyFlags(const std::string& flags, FormatSpec& spec) {
    const auto has = [&](char c) { return flags.find(c) != std::string::npos; };
    const bool numeric = std::string_view("diouxXeEfFgG").find(spec.type) != std::string_view::npos;
    spec.alternate = has('#');
    if (numeric) spec.sign = has('+') ? '+' : (has(' ') ? ' ' : '-');
    spec.align = has('-') ? '<' : '>';
    if (has('0') && !has('-') && numeric) {
      spec.align = '=';
      spec.fill = "0";
    }
  }

  void Convert(const Value& value, FormatSpec spec) {
    switch (spec.type) {
      case 's':
      case 'r':
      case 'a':
        return ConvertText(value, spec);
      case 'c':
        if (!value.is_string()) return FormatTo(out_, budget_, value, spec);
        if (CountCodePoints(value.as_string()) != 1) RaiseRuntime("%c requires int or char");
        return PadTo(out_, budget_, StrView(value), spec, '>');
      case 'd':
      case 'i':
      case 'u':
        return ConvertInteger(value, spec, 'd');
      case 'x':
      case 'X':
      case 'o':
        return ConvertInteger(value, spec, spec.type);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        if (!IsNumeric(value)) RaiseRuntime("must be real number, not " + TypeName(value));
        return FormatTo(out_, budget_, value, spec);
      default:
        RaiseRuntime(std::string("unsupported format character '") + spec.type + "'");
    }
  }

  void ConvertText(const Value& value, FormatSpec spec) {
    TextBuilder body(budget_);
    if (spec.type == 's') {
      PrintTo(body, budget_, value);
    } else {
      ReprTo(body, budget_, value);
    }
    const bool keep_markup = value.is_string() && ValueAccess::IsMarkup(value);
    const Value text = EscapeIf(budget_, body.Finish(keep_markup), markup_);
    spec.type = 's';
    StrView piece(text);
    if (spec.precision >= 0) {
      piece = piece.Sub(0, ByteOffset(piece.text(), static_cast<size_t>(spec.precision)));
    }
    PadTo(out_, budget_, piece, spec, '>');
  }

  void ConvertInteger(const Value& value, FormatSpec spec, char type) {
    if (!IsNumeric(value) || (type != 'd' && !IsIntegral(value))) {
      RaiseRuntime(std::string("%") + type + " format: a real number is required, not " +
                   TypeName(value));
    }
    Value whole = value.kind() == Kind::kFloat ? FloatToInteger(value.as_float()) : value;
    if (whole.is_bool()) whole = Value::Int(whole.as_int());
    const int digits = spec.precision;
    spec.type = type;
    spec.precision = -1;
    if (digits > 0) {
      // A precision is a least number of digits.
      FormatSpec inner = spec;
      inner.align = '=';
      inner.fill = "0";
      inner.width = static_cast<uint64_t>(digits) + (spec.sign != '-' ? 1 : 0);
      TextBuilder body(budget_);
      FormatTo(body, budget_, ValueAccess::WithInput(whole, value.from_input()), inner);
      const Value text = body.Finish();
      return PadTo(out_, budget_, StrView(text), spec, '>');
    }
    FormatTo(out_, budget_, ValueAccess::WithInput(whole, value.from_input()), spec);
  }

  Budget& budget_;
  StrView format_;
  bool markup_;
  const Value& values_;
  TextBuilder out_;
  size_t at_ = 0;
  size_t next_ = 0;
  bool mapping_used_ = false;
};

}  // namespace

Value FormatPercent(Budget& budget, const Value& format, const Value& values) {
  return PercentFormatter(budget, format, values).Run();
}

}  // namespace hyprstream::text::tmpl
