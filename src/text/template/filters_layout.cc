// Filters that lay text out in lines, and the ones that make attributes and lengths of text.
#include <algorithm>

#include "text/template/builtins.h"
#include "text/template/escape.h"
#include "text/template/interp.h"
#include "text/template/print.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

Value RequireText(const CallArgs& args) {
  const Value& text = args.positional[0];
  RequireDefined(text);
  if (!text.is_string()) RaiseRuntime("a string is required, not '" + TypeName(text) + "'");
  return text;
}

Value IndentFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "indent", {"width", "first", "blank"});
  Budget& budget = interp.budget();
  const Value text = RequireText(args);
  const bool markup = ValueAccess::IsMarkup(text);
  Value indent;
  if (bound.Has(0) && bound[0].is_string()) {
    indent = bound[0];
  } else {
    TextBuilder spaces(budget);
    spaces.Repeat(" ", static_cast<uint64_t>(std::max<int64_t>(bound.Integer(0, 4), 0)));
    indent = spaces.Finish();
  }
  const StrView margin(indent);
  const bool blank = bound.Flag(2, false);
  const std::vector<StrView> lines = SplitLines(budget, StrView(text), LineEnds::kDrop);
  TextBuilder out(budget);
  if (bound.Flag(1, false)) out.Append(margin);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out.Append("\n", StrView(text).AnyInert());
    if (i > 0 && (blank || !lines[i].empty())) out.Append(margin);
    out.Append(lines[i]);
  }
  // A newline at the end begins one more line.
  if (text.as_string().ends_with('\n') && !lines.empty()) {
    out.Append("\n", StrView(text).AnyInert());
    if (blank) out.Append(margin);
  }
  return out.Finish(markup);
}

Value TruncateFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "truncate", {"length", "killwords", "end", "leeway"});
  Budget& budget = interp.budget();
  const Value& value = args.positional[0];
  const Value end = bound.Has(2) ? bound.Text(2) : MakeText(budget, "...");
  const int64_t length = bound.Integer(0, 255);
  const int64_t leeway = bound.Has(3) && !bound[3].is_none() ? bound.Integer(3, 5) : 5;
  const int64_t end_length = Length(budget, end);
  if (length < end_length) RaiseRuntime("expected length >= " + std::to_string(end_length));
  if (leeway < 0) RaiseRuntime("expected leeway >= 0");
  if (Length(budget, value) - leeway <= length) return value;
  const Value text = RequireText(args);
  const StrView all(text);
  StrView kept = all.Sub(0, ByteOffset(all.text(), static_cast<size_t>(length - end_length)));
  if (!bound.Flag(1, false)) {
    const size_t space = FindLast(budget, kept.text(), " ");
    if (space != std::string_view::npos) kept = kept.Sub(0, space);
  }
  TextBuilder out(budget);
  out.Append(kept);
  out.Append(StrView(end));
  return out.Finish();
}

// The pieces that textwrap fills lines with: words, runs of white space, and, at hyphens, parts.
std::vector<StrView> WrapChunks(Budget& budget, StrView line, bool break_on_hyphens) {
  std::vector<StrView> chunks;
  budget.Step(line.size() / 4);
  size_t begin = 0;
  bool space = false;
  for (size_t at = 0; at < line.size();) {
    const CodePoint c = DecodeAt(line.text(), at);
    const bool is_space = c.value < 0x80 && IsSpace(c.value);
    if (at > begin && is_space != space) {
      chunks.push_back(line.Sub(begin, at));
      begin = at;
    }
    space = is_space;
    at += c.length;
    // After a hyphen between a letter and another.
    if (break_on_hyphens && c.value == '-' && at < line.size() && at - begin > 2) {
      const char32_t before = DecodeAt(line.text(), PreviousStart(line.text(), at - 1)).value;
      if (IsAlpha(before) && IsAlpha(DecodeAt(line.text(), at).value)) {
        chunks.push_back(line.Sub(begin, at));
        begin = at;
      }
    }
  }
  if (begin < line.size()) chunks.push_back(line.Sub(begin, line.size()));
  return chunks;
}

class Wrapper {
 public:
  Wrapper(Budget& budget, size_t width, bool break_long_words, StrView newline)
      : budget_(budget),
        width_(width),
        break_long_(break_long_words),
        newline_(newline),
        out_(budget) {}

  void AddLine(StrView line, bool break_on_hyphens) {
    std::vector<StrView> chunks = WrapChunks(budget_, line, break_on_hyphens);
    std::vector<StrView> current;
    size_t used = 0;
    bool first = true;
    for (size_t i = 0; i < chunks.size();) {
      budget_.Step();
      const size_t length = CountCodePoints(chunks[i].text());
      if (used == 0 && !first && IsBlank(chunks[i])) {
        ++i;
        continue;
      }
      if (used + length <= width_) {
        current.push_back(chunks[i++]);
        used += length;
        continue;
      }
      if (length > width_) {
        const size_t room = std::max<size_t>(width_ - used, 1);
        if (break_long_) {
          const size_t cut = ByteOffset(chunks[i].text(), room);
          current.push_back(chunks[i].Sub(0, cut));
          chunks[i] = chunks[i].Sub(cut, chunks[i].size());
        } else if (current.empty()) {
          current.push_back(chunks[i++]);
        }
      }
      Flush(current);
      first = false;
      used = 0;
    }
    Flush(current);
  }

  Value Finish(bool markup) { return out_.Finish(markup); }
  void Separate() {
    if (any_) out_.Append(newline_);
    any_ = true;
  }

 private:
  static bool IsBlank(const StrView& chunk) { return IsSpace(DecodeAt(chunk.text(), 0).value); }

  void Flush(std::vector<StrView>& current) {
    if (!current.empty() && IsBlank(current.back())) current.pop_back();
    if (current.empty()) return;
    Separate();
    for (const StrView& chunk : current) out_.Append(chunk);
    current.clear();
  }

  Budget& budget_;
  size_t width_;
  bool break_long_;
  StrView newline_;
  TextBuilder out_;
  bool any_ = false;
};

Value WordWrapFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "wordwrap",
                    {"width", "break_long_words", "wrapstring", "break_on_hyphens"});
  Budget& budget = interp.budget();
  const Value text = RequireText(args);
  const int64_t width = bound.Integer(0, 79);
  if (width <= 0) RaiseRuntime("invalid width " + std::to_string(width) + " (must be > 0)");
  const Value newline =
      bound.Has(2) && !bound[2].is_none() ? bound.Text(2) : MakeText(budget, "\n");
  Wrapper wrapper(budget, static_cast<size_t>(width), bound.Flag(1, true), StrView(newline));
  for (const StrView& line : SplitLines(budget, StrView(text), LineEnds::kDrop)) {
    if (Strip(budget, line, Side::kBoth).empty()) {
      wrapper.Separate();
    } else {
      wrapper.AddLine(line, bound.Flag(3, true));
    }
  }
  return wrapper.Finish(ValueAccess::IsMarkup(text));
}

bool IsAttributeName(std::string_view name) {
  return name.find_first_of(" \t\n\r\f\v/>=") == std::string_view::npos;
}

Value XmlAttributesFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "xmlattr", {"autospace"});
  Budget& budget = interp.budget();
  const Value& object = args.positional[0];
  RequireDefined(object);
  if (!object.is_object()) RaiseRuntime("xmlattr needs a mapping");
  TextBuilder out(budget);
  for (const Value::Entry& entry : object.entries()) {
    if (entry.value.is_none() || entry.value.is_undefined()) continue;
    const Value name = ToText(budget, entry.key);
    if (!IsAttributeName(name.as_string())) {
      RaiseRuntime("Invalid character in attribute name: '" + name.as_string() + "'");
    }
    const Value key = Escape(budget, name);
    const Value value = Escape(budget, entry.value);
    if (out.size() > 0 || bound.Flag(0, true)) out.Append(" ");
    out.Append(StrView(key));
    out.Append("=\"");
    out.Append(StrView(value));
    out.Append("\"");
  }
  return out.Finish();
}

}  // namespace

std::vector<NamedBuiltin> LayoutFilters() {
  return {{"indent", IndentFilter},
          {"truncate", TruncateFilter},
          {"wordwrap", WordWrapFilter},
          {"xmlattr", XmlAttributesFilter}};
}

}  // namespace hyprstream::text::tmpl
