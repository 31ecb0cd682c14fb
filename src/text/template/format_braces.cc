// "{}".format(value).
#include <algorithm>

#include "text/template/escape.h"
#include "text/template/format.h"
#include "text/template/interp.h"
#include "text/template/numbers.h"
#include "text/template/operators.h"
#include "text/template/print.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

class BraceFormatter {
 public:
  BraceFormatter(Interp& interp, const Value& format, const CallArgs& args)
      : interp_(interp),
        budget_(interp.budget()),
        args_(args),
        markup_(ValueAccess::IsMarkup(format)) {}

  Value Run(StrView format) {
    TextBuilder out(budget_);
    Expand(format, out, 0);
    return out.Finish(markup_);
  }

 private:
  // Specifications may hold fields themselves, one level deep.
  void Expand(StrView format, TextBuilder& out, int depth) {
    if (depth > 1) RaiseRuntime("Max string recursion exceeded");
    const std::string_view text = format.text();
    for (size_t at = 0; at < text.size();) {
      budget_.Step();
      const size_t brace = std::min(text.find_first_of("{}", at), text.size());
      out.Append(format.Sub(at, brace));
      if (brace == text.size()) return;
      if (brace + 1 < text.size() && text[brace + 1] == text[brace]) {
        out.Append(format.Sub(brace, brace + 1));
        at = brace + 2;
        continue;
      }
      if (text[brace] == '}') RaiseRuntime("Single '}' encountered in format string");
      const size_t close = Close(text, brace);
      Field(format.Sub(brace + 1, close), out, depth);
      at = close + 1;
    }
  }

  static size_t Close(std::string_view text, size_t open) {
    int depth = 0;
    for (size_t at = open; at < text.size(); ++at) {
      if (text[at] == '{') ++depth;
      if (text[at] == '}' && --depth == 0) return at;
    }
    RaiseRuntime("expected '}' before end of string");
  }

  void Field(StrView field, TextBuilder& out, int depth) {
    const std::string_view text = field.text();
    const size_t name_end = std::min(text.find_first_of("!:"), text.size());
    Value value = Lookup(text.substr(0, name_end));
    size_t at = name_end;
    if (at < text.size() && text[at] == '!') {
      if (at + 1 >= text.size())
        RaiseRuntime("end of string while looking for conversion specifier");
      value = Converted(value, text[at + 1]);
      at += 2;
      if (at < text.size() && text[at] != ':')
        RaiseRuntime("expected ':' after conversion specifier");
    }
    std::string spec;
    if (at < text.size()) {
      TextBuilder expanded(budget_);
      Expand(field.Sub(at + 1, field.size()), expanded, depth + 1);
      spec = std::string(expanded.text());
    }
    Format(value, spec, out);
  }

  Value Converted(const Value& value, char how) {
    TextBuilder out(budget_);
    if (how == 's') {
      PrintTo(out, budget_, value);
    } else if (how == 'r' || how == 'a') {
      ReprTo(out, budget_, value);
    } else {
      RaiseRuntime(std::string("Unknown conversion specifier '") + how + "'");
    }
    return out.Finish();
  }

  void Format(const Value& value, const std::string& spec, TextBuilder& out) {
    if (markup_) {
      const Value escaped = Escape(budget_, value);
      return FormatTo(out, budget_, escaped, ParseFormatSpec(spec));
    }
    if (spec.empty()) return PrintTo(out, budget_, value);
    if (value.is_undefined())
      RaiseRuntime("unsupported format string passed to Undefined.__format__");
    FormatTo(out, budget_, value, ParseFormatSpec(spec));
  }

  // name, 0, or nothing for the next one; then .attribute and [key].
  Value Lookup(std::string_view path) {
    const size_t first_end = std::min(path.find_first_of(".["), path.size());
    Value value = First(path.substr(0, first_end));
    for (size_t at = first_end; at < path.size();) {
      if (path[at] == '.') {
        const size_t end = std::min(path.find_first_of(".[", at + 1), path.size());
        value = interp_.Attribute(value, path.substr(at + 1, end - at - 1));
        at = end;
      } else if (path[at] == '[') {
        const size_t end = path.find(']', at);
        if (end == std::string_view::npos) RaiseRuntime("Missing ']' in format string");
        const std::string_view key = path.substr(at + 1, end - at - 1);
        const bool number = !key.empty() && key.find_first_not_of("0123456789") == key.npos;
        value = interp_.Item(
            value, number ? ParseInteger(key, 10).value_or(Value()) : MakeText(budget_, key));
        at = end + 1;
      } else {
        RaiseRuntime("Only '.' or '[' may follow ']' in format field specifier");
      }
    }
    return value;
  }

  Value First(std::string_view name) {
    if (name.empty()) return Positional(next_++);
    if (name.find_first_not_of("0123456789") == name.npos) {
      return Positional(name.size() > 9 ? SIZE_MAX : std::stoul(std::string(name)));
    }
    for (const auto& [key, value] : args_.named) {
      if (key == name) return value;
    }
    RaiseRuntime("'" + std::string(name) + "'");
  }

  Value Positional(size_t index) const {
    if (index >= args_.positional.size()) {
      RaiseRuntime("Replacement index out of range for positional args tuple");
    }
    return args_.positional[index];
  }

  Interp& interp_;
  Budget& budget_;
  const CallArgs& args_;
  bool markup_;
  size_t next_ = 0;
};

}  // namespace

Value FormatBraces(Interp& interp, const Value& format, const CallArgs& args) {
  return BraceFormatter(interp, format, args).Run(StrView(format));
}

}  // namespace hyprstream::text::tmpl
