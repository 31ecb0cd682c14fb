#include "text/template/print.h"

#include <cstdio>

#include "text/template/namespace.h"
#include "text/template/numbers.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

using Kind = Value::Kind;

std::string Escaped(char32_t c) {
  char buffer[16];
  const auto code = static_cast<unsigned>(c);
  std::snprintf(buffer, sizeof buffer,
                c < 0x100 ? "\\x%02x" : (c < 0x10000 ? "\\u%04x" : "\\U%08x"), code);
  return buffer;
}

void ReprString(TextBuilder& out, Budget& budget, const Value& value) {
  const StrView text(value);
  const bool single = text.text().find('\'') != std::string_view::npos;
  const bool both = single && text.text().find('"') != std::string_view::npos;
  const char quote = single && !both ? '"' : '\'';
  const bool inert = text.AnyInert();
  if (ValueAccess::IsMarkup(value)) out.Append("Markup(");
  out.Append(std::string_view(&quote, 1), inert);
  MapCodePoints(budget, text, out, [&](std::string& run, char32_t c) {
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      run += '\\';
      run += static_cast<char>(c);
    } else if (c == '\n') {
      run += "\\n";
    } else if (c == '\t') {
      run += "\\t";
    } else if (c == '\r') {
      run += "\\r";
    } else if (IsPrintable(c)) {
      AppendUtf8(run, c);
    } else {
      run += Escaped(c);
    }
  });
  out.Append(std::string_view(&quote, 1), inert);
  if (ValueAccess::IsMarkup(value)) out.Append(")");
}

void ReprBytes(TextBuilder& out, Budget& budget, const Value& value) {
  const std::string& bytes = value.as_string();
  budget.Touch(4 * bytes.size());
  const bool single = bytes.find('\'') != std::string::npos;
  const char quote = single && bytes.find('"') == std::string::npos ? '"' : '\'';
  std::string text = std::string("b") + quote;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\' || c == quote) {
      text += '\\';
      text += c;
    } else if (c == '\n') {
      text += "\\n";
    } else if (c == '\t') {
      text += "\\t";
    } else if (c == '\r') {
      text += "\\r";
    } else if (byte >= 0x20 && byte < 0x7F) {
      text += c;
    } else {
      text += Escaped(byte);
    }
  }
  out.Append(text + quote, value.from_input() || !ValueAccess::String(value).inert.empty());
}

void ReprItems(TextBuilder& out, Budget& budget, const std::vector<Value>& items, bool inert) {
  bool first = true;
  for (const Value& item : items) {
    if (!first) out.Append(", ", inert);
    first = false;
    ReprTo(out, budget, item);
  }
}

void ReprObject(TextBuilder& out, Budget& budget, const Value& value) {
  const bool inert = value.from_input();
  out.Append("{", inert);
  bool first = true;
  for (const Value::Entry& entry : value.entries()) {
    if (!first) out.Append(", ", inert);
    first = false;
    ReprTo(out, budget, entry.key);
    out.Append(": ", inert);
    ReprTo(out, budget, entry.value);
  }
  out.Append("}", inert);
}

std::string RangeRepr(const RangeRep& range) {
  std::string text = "range(" + std::to_string(range.start) + ", " + std::to_string(range.stop);
  if (range.step != 1) text += ", " + std::to_string(range.step);
  return text + ")";
}

void ReprHost(TextBuilder& out, Budget& budget, const Value& value) {
  const HostObject& host = ValueAccess::Host(value);
  const auto* space = dynamic_cast<const Namespace*>(&host);
  if (space == nullptr) return out.Append("<" + std::string(host.TypeName()) + ">", false);
  out.Append("<Namespace ");
  const Nesting nesting(space->printing_depth, 1);  // a namespace that holds itself never ends
  ReprTo(out, budget, space->ToObject(budget));
  out.Append(">");
}

}  // namespace

void ReprTo(TextBuilder& out, Budget& budget, const Value& value) {
  budget.Step();
  const bool inert = value.from_input();
  switch (value.kind()) {
    case Kind::kNone:
      return out.Append("None", inert);
    case Kind::kUndefined:
      return out.Append("Undefined", inert);
    case Kind::kBool:
      return out.Append(value.as_bool() ? "True" : "False", inert);
    case Kind::kInt:
    case Kind::kBigInt:
      return out.Append(IntegerText(value), inert);
    case Kind::kFloat:
      return out.Append(FloatRepr(value.as_float()), inert);
    case Kind::kString:
      return ReprString(out, budget, value);
    case Kind::kBytes:
      return ReprBytes(out, budget, value);
    case Kind::kObject:
      return ReprObject(out, budget, value);
    case Kind::kRange:
      return out.Append(RangeRepr(ValueAccess::Range(value)), inert);
    case Kind::kIterator:
      return out.Append("<generator object>", inert);
    case Kind::kHost:
      return ReprHost(out, budget, value);
    case Kind::kList:
      out.Append("[", inert);
      ReprItems(out, budget, value.items(), inert);
      return out.Append("]", inert);
    case Kind::kTuple:
      out.Append("(", inert);
      ReprItems(out, budget, value.items(), inert);
      return out.Append(value.items().size() == 1 ? ",)" : ")", inert);
    case Kind::kView:
      out.Append(std::string(ValueAccess::List(value).view_name) + "([", inert);
      ReprItems(out, budget, value.items(), inert);
      return out.Append("])", inert);
  }
}

void PrintTo(TextBuilder& out, Budget& budget, const Value& value) {
  if (value.is_string()) return out.Append(StrView(value));
  if (value.is_undefined()) return;
  ReprTo(out, budget, value);
}

Value ToText(Budget& budget, const Value& value) {
  if (value.is_string()) return value;
  TextBuilder out(budget);
  PrintTo(out, budget, value);
  return out.Finish();
}

}  // namespace hyprstream::text::tmpl
