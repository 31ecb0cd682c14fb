#include "text/template/escape.h"

#include "text/template/print.h"

namespace hyprstream::text::tmpl {

Value Escape(Budget& budget, const Value& value) {
  if (value.is_string() && ValueAccess::IsMarkup(value)) return value;
  const Value text = ToText(budget, value);
  TextBuilder out(budget);
  MapCodePoints(budget, StrView(text), out, [](std::string& run, char32_t c) {
    switch (c) {
      case '&':
        run += "&amp;";
        return;
      case '<':
        run += "&lt;";
        return;
      case '>':
        run += "&gt;";
        return;
      case '\'':
        run += "&#39;";
        return;
      case '"':
        run += "&#34;";
        return;
      default:
        AppendUtf8(run, c);
    }
  });
  return out.Finish(true);
}

Value EscapeIf(Budget& budget, const Value& value, bool markup) {
  return markup ? Escape(budget, value) : ToText(budget, value);
}

}  // namespace hyprstream::text::tmpl
