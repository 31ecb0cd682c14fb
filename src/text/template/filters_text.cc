// Filters on text.
#include <algorithm>

#include "text/template/builtins.h"
#include "text/template/cases.h"
#include "text/template/escape.h"
#include "text/template/format.h"
#include "text/template/interp.h"
#include "text/template/print.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

// A filter that takes no argument, works on the text of any value and keeps a mark of escaping.
template <Value (*kChange)(Budget&, const Value&)>
Value TextFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "filter", {});
  return kChange(interp.budget(), ToText(interp.budget(), args.positional[0]));
}

Value Keep(Budget&, const Value& text) { return text; }

Value MarkSafe(Budget&, const Value& text) { return ValueAccess::WithMarkup(text, true); }

Value EscapeFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "escape", {});
  return Escape(interp.budget(), args.positional[0]);
}

Value ForceEscapeFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "forceescape", {});
  const Value text = ToText(interp.budget(), args.positional[0]);
  return Escape(interp.budget(), ValueAccess::WithMarkup(text, false));
}

Value TrimFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "trim", {"chars"});
  const Value text = ToText(interp.budget(), args.positional[0]);
  std::optional<std::string_view> set;
  if (bound.Has(0) && !bound[0].is_none()) set = bound.Text(0).as_string();
  return MakeString(interp.budget(), Strip(interp.budget(), StrView(text), Side::kBoth, set),
                    ValueAccess::IsMarkup(text));
}

Value ReplaceFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "replace", {"old", "new", "count"}, 2);
  Budget& budget = interp.budget();
  const Value text = ToText(budget, args.positional[0]);
  const bool markup = ValueAccess::IsMarkup(text);
  const Value from = ToText(budget, bound[0]);
  const Value to = EscapeIf(budget, bound[1], markup);
  const int64_t count = bound.Has(2) && !bound[2].is_none() ? bound.Integer(2, -1) : -1;
  return Replace(budget, StrView(text), StrView(from), StrView(to), count, markup);
}

Value FormatFilter(Interp& interp, CallArgs& args) {
  const Value format = ToText(interp.budget(), args.positional[0]);
  if (!args.named.empty() && args.positional.size() > 1) {
    RaiseRuntime("can't handle positional and keyword arguments at the same time");
  }
  if (!args.named.empty()) {
    ObjectBuilder object(interp.budget());
    for (auto& [name, value] : args.named) object.Set(MakeText(interp.budget(), name), value);
    return FormatPercent(interp.budget(), format, object.Finish());
  }
  ListBuilder values(interp.budget());
  for (size_t i = 1; i < args.positional.size(); ++i) values.Add(args.positional[i]);
  return FormatPercent(interp.budget(), format, values.Finish(Value::Kind::kTuple));
}

bool IsUnreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-' || c == '~';
}

void QuoteTo(TextBuilder& out, Budget& budget, const Value& value, std::string_view safe,
             std::string_view space) {
  const Value text =
      value.kind() == Value::Kind::kBytes
          ? ValueAccess::WithInput(MakeText(budget, value.as_string()), value.from_input())
          : ToText(budget, value);
  MapCodePoints(budget, StrView(text), out, [&](std::string& run, char32_t c) {
    if (c == ' ') {
      run += space;
      return;
    }
    std::string bytes;
    AppendUtf8(bytes, c);
    for (const char b : bytes) {
      if (IsUnreserved(b) || safe.find(b) != std::string_view::npos) {
        run += b;
        continue;
      }
      constexpr std::string_view kHex = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(b);
      run += '%';
      run += kHex[byte >> 4];
      run += kHex[byte & 15];
    }
  });
}

// A text is quoted; pairs become a query string.
Value UrlEncodeFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "urlencode", {});
  Budget& budget = interp.budget();
  const Value& value = args.positional[0];
  TextBuilder out(budget);
  if (value.is_string() || !IsIterable(value)) {
    QuoteTo(out, budget, value, "/", "%20");
    return out.Finish();
  }
  Items items(budget, value.is_object() ? ItemPairs(budget, value) : value);
  for (bool first = true; const std::optional<Value> item = items.Next(); first = false) {
    Charge charge;
    const std::vector<Value> pair = ToVector(budget, *item, charge);
    if (pair.size() != 2) RaiseRuntime("urlencode needs pairs");
    if (!first) out.Append("&");
    QuoteTo(out, budget, pair[0], "", "+");
    out.Append("=");
    QuoteTo(out, budget, pair[1], "", "+");
  }
  return out.Finish();
}

Value WordCountFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "wordcount", {});
  const Value text = ToText(interp.budget(), args.positional[0]);
  interp.budget().Touch(4 * text.as_string().size());
  int64_t words = 0;
  bool inside = false;
  for (size_t at = 0; at < text.as_string().size();) {
    const CodePoint c = DecodeAt(text.as_string(), at);
    if (IsWord(c.value) && !inside) ++words;
    inside = IsWord(c.value);
    at += c.length;
  }
  return Value::Int(words);
}

Value CenterFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "center", {"width"});
  const Value text = ToText(interp.budget(), args.positional[0]);
  TextBuilder out(interp.budget());
  const int64_t width = std::max<int64_t>(bound.Integer(0, 80), 0);
  Center(out, interp.budget(), StrView(text), static_cast<uint64_t>(width), " ");
  return out.Finish(ValueAccess::IsMarkup(text));
}

// Removes tags and comments, and joins runs of white space.
Value StripTagsFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "striptags", {});
  Budget& budget = interp.budget();
  const Value text = ToText(budget, args.positional[0]);
  const StrView all(text);
  TextBuilder plain(budget);
  for (size_t at = 0; at < all.size();) {
    const size_t open = std::min(Find(budget, all.text(), "<", at), all.size());
    plain.Append(all.Sub(at, open));
    const bool comment = all.text().substr(open).starts_with("<!--");
    const size_t close = Find(budget, all.text(), comment ? "-->" : ">", open);
    if (close == std::string_view::npos) {
      plain.Append(all.Sub(open, all.size()));
      break;
    }
    at = close + (comment ? 3 : 1);
  }
  const Value stripped = plain.Finish();
  TextBuilder out(budget);
  for (const StrView& word : SplitSpace(budget, StrView(stripped), -1)) {
    if (out.size() > 0) out.Append(" ");
    out.Append(word);
  }
  return out.Finish();
}

Value PrettyPrintFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "pprint", {});
  return PrettyPrint(interp.budget(), args.positional[0]);
}

Value ToJsonFilter(Interp& interp, CallArgs& args) {
  const Bound bound(args, "tojson", {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ensure_ascii = bound.Flag(0, false);
  style.sort_keys = bound.Flag(3, false);
  if (bound.Has(1) && bound[1].is_string()) {
    style.indent = bound[1].as_string();
  } else if (bound.Has(1) && !bound[1].is_none()) {
    const int64_t width = std::max<int64_t>(bound.Integer(1, 0), 0);
    if (width > 1000) RaiseLimit("the indent of tojson is too large");
    style.indent = std::string(static_cast<size_t>(width), ' ');
  }
  if (style.indent.has_value()) style.item_separator = ",";
  if (bound.Has(2) && !bound[2].is_none()) {
    Charge charge;
    const std::vector<Value> pair = ToVector(interp.budget(), bound[2], charge);
    if (pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
      RaiseRuntime("separators must be two strings");
    }
    style.item_separator = pair[0].as_string();
    style.key_separator = pair[1].as_string();
  }
  return ToJson(interp.budget(), args.positional[0], style);
}

}  // namespace

std::vector<NamedBuiltin> TextFilters() {
  return {{"string", TextFilter<Keep>},
          {"safe", TextFilter<MarkSafe>},
          {"upper", TextFilter<ToUpper>},
          {"lower", TextFilter<ToLower>},
          {"capitalize", TextFilter<Capitalize>},
          {"title", TextFilter<TitleFilter>},
          {"escape", EscapeFilter},
          {"e", EscapeFilter},
          {"forceescape", ForceEscapeFilter},
          {"trim", TrimFilter},
          {"replace", ReplaceFilter},
          {"format", FormatFilter},
          {"urlencode", UrlEncodeFilter},
          {"wordcount", WordCountFilter},
          {"center", CenterFilter},
          {"striptags", StripTagsFilter},
          {"pprint", PrettyPrintFilter},
          {"tojson", ToJsonFilter}};
}

}  // namespace hyprstream::text::tmpl
