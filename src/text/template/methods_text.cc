// Methods of strings that make strings.
#include <algorithm>

#include "text/template/builtins.h"
#include "text/template/cases.h"
#include "text/template/escape.h"
#include "text/template/format.h"
#include "text/template/interp.h"
#include "text/template/marked_string.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

bool Markup(const CallArgs& args) { return ValueAccess::IsMarkup(args.positional[0]); }

template <Side kSide>
Value StripMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "strip", {"chars"});
  std::optional<std::string_view> set;
  if (bound.Has(0) && !bound[0].is_none()) set = bound.Text(0).as_string();
  const StrView text(args.positional[0]);
  return MakeString(interp.budget(), Strip(interp.budget(), text, kSide, set), Markup(args));
}

Value PiecesToList(Interp& interp, const std::vector<StrView>& pieces, bool markup) {
  ListBuilder list(interp.budget());
  for (const StrView& piece : pieces) list.Add(MakeString(interp.budget(), piece, markup));
  return list.Finish();
}

template <bool kFromRight>
Value SplitMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "split", {"sep", "maxsplit"});
  const int64_t limit = bound.Integer(1, -1);
  const StrView text(args.positional[0]);
  Budget& budget = interp.budget();
  if (!bound.Has(0) || bound[0].is_none()) {
    return PiecesToList(
        interp,
        kFromRight ? SplitSpaceFromRight(budget, text, limit) : SplitSpace(budget, text, limit),
        Markup(args));
  }
  const std::string& separator = bound.Text(0).as_string();
  return PiecesToList(interp,
                      kFromRight ? SplitFromRight(budget, text, separator, limit)
                                 : Split(budget, text, separator, limit),
                      Markup(args));
}

Value SplitLinesMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "splitlines", {"keepends"});
  const LineEnds ends = bound.Flag(0, false) ? LineEnds::kKeep : LineEnds::kDrop;
  return PiecesToList(interp, SplitLines(interp.budget(), StrView(args.positional[0]), ends),
                      Markup(args));
}

template <bool kFromRight>
Value PartitionMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "partition", {"sep"}, 1);
  const StrView text(args.positional[0]);
  const Value& separator = bound.Text(0);
  if (separator.as_string().empty()) RaiseRuntime("empty separator");
  Budget& budget = interp.budget();
  const size_t hit = kFromRight ? FindLast(budget, text.text(), separator.as_string())
                                : Find(budget, text.text(), separator.as_string());
  ListBuilder parts(budget);
  if (hit == std::string_view::npos) {
    if (!kFromRight) parts.Add(args.positional[0]);
    parts.Add(MakeText(budget, ""));
    parts.Add(MakeText(budget, ""));
    if (kFromRight) parts.Add(args.positional[0]);
  } else {
    const size_t end = hit + separator.as_string().size();
    parts.Add(MakeString(budget, text.Sub(0, hit), Markup(args)));
    parts.Add(separator);
    parts.Add(MakeString(budget, text.Sub(end, text.size()), Markup(args)));
  }
  return parts.Finish(Value::Kind::kTuple);
}

Value ReplaceMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "replace", {"old", "new", "count"}, 2);
  const bool markup = Markup(args);
  const Value to = markup ? Escape(interp.budget(), bound.Text(1)) : bound.Text(1);
  return Replace(interp.budget(), StrView(args.positional[0]), StrView(bound.Text(0)), StrView(to),
                 bound.Integer(2, -1), markup);
}

template <Value (*kChange)(Budget&, const Value&)>
Value CaseMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "case", {});
  return kChange(interp.budget(), args.positional[0]);
}

Value JoinMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "join", {"iterable"}, 1);
  RequireDefined(bound[0]);
  if (!IsIterable(bound[0])) RaiseRuntime("can only join an iterable");
  Budget& budget = interp.budget();
  const bool markup = Markup(args);
  TextBuilder out(budget);
  Items items(budget, bound[0]);
  for (size_t i = 0; const std::optional<Value> item = items.Next(); ++i) {
    RequireDefined(*item);
    if (i > 0) out.Append(StrView(args.positional[0]));
    if (!item->is_string() && !markup) {
      RaiseRuntime("sequence item " + std::to_string(i) + ": expected str instance, " +
                   TypeName(*item) + " found");
    }
    const Value text = EscapeIf(budget, *item, markup);
    out.Append(StrView(text));
  }
  return out.Finish(markup);
}

template <char kAlign>
Value JustifyMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "just", {"width", "fillchar"}, 1);
  FormatSpec spec;
  spec.width = static_cast<uint64_t>(std::max<int64_t>(bound.Integer(0, 0), 0));
  if (bound.Has(1)) spec.fill = bound.Text(1).as_string();
  if (CountCodePoints(spec.fill) != 1) {
    RaiseRuntime("The fill character must be exactly one character long");
  }
  TextBuilder out(interp.budget());
  if (kAlign == '^') {
    Center(out, interp.budget(), StrView(args.positional[0]), spec.width, spec.fill);
  } else {
    PadTo(out, interp.budget(), StrView(args.positional[0]), spec, kAlign);
  }
  return out.Finish(Markup(args));
}

Value ZeroFillMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "zfill", {"width"}, 1);
  const StrView text(args.positional[0]);
  const int64_t length = Length(interp.budget(), args.positional[0]);
  const bool sign = !text.empty() && (text.text()[0] == '-' || text.text()[0] == '+');
  TextBuilder out(interp.budget());
  if (sign) out.Append(text.Sub(0, 1));
  const int64_t width = bound.Integer(0, 0);
  if (width > length) out.Repeat("0", static_cast<uint64_t>(width - length));
  out.Append(text.Sub(sign ? 1 : 0, text.size()));
  return out.Finish(Markup(args));
}

Value ExpandTabsMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "expandtabs", {"tabsize"});
  const int64_t size = bound.Integer(0, 8);
  const StrView text(args.positional[0]);
  TextBuilder out(interp.budget());
  int64_t column = 0;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeAt(text.text(), at);
    if (c.value == '\t') {
      const int64_t fill = size > 0 ? size - column % size : 0;
      out.Repeat(" ", static_cast<uint64_t>(fill));
      column += fill;
    } else {
      out.Append(text.Sub(at, at + c.length));
      column = c.value == '\n' || c.value == '\r' ? 0 : column + 1;
    }
    at += c.length;
  }
  return out.Finish(Markup(args));
}

template <bool kPrefix>
Value RemoveAffixMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "removeprefix", {"affix"}, 1);
  const StrView text(args.positional[0]);
  const std::string& affix = bound.Text(0).as_string();
  if (kPrefix && text.text().starts_with(affix)) {
    return MakeString(interp.budget(), text.Sub(affix.size(), text.size()), Markup(args));
  }
  if (!kPrefix && text.text().ends_with(affix)) {
    return MakeString(interp.budget(), text.Sub(0, text.size() - affix.size()), Markup(args));
  }
  return args.positional[0];
}

Value FormatMethod(Interp& interp, CallArgs& args) {
  const Value format = args.positional[0];
  args.positional.erase(args.positional.begin());
  return FormatBraces(interp, format, args);
}

Value FormatMapMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "format_map", {"mapping"}, 1);
  if (!bound[0].is_object()) RaiseRuntime("format_map() takes a mapping");
  CallArgs named;
  const Charge charge(interp.budget(), bound[0].entries().size() * sizeof(Value::Entry));
  for (const Value::Entry& entry : bound[0].entries()) {
    interp.budget().Step();
    if (entry.key.is_string()) named.named.emplace_back(entry.key.as_string(), entry.value);
  }
  return FormatBraces(interp, args.positional[0], named);
}

}  // namespace

std::vector<NamedBuiltin> StringMethods() {
  return {{"strip", StripMethod<Side::kBoth>},
          {"lstrip", StripMethod<Side::kLeft>},
          {"rstrip", StripMethod<Side::kRight>},
          {"split", SplitMethod<false>},
          {"rsplit", SplitMethod<true>},
          {"splitlines", SplitLinesMethod},
          {"partition", PartitionMethod<false>},
          {"rpartition", PartitionMethod<true>},
          {"replace", ReplaceMethod},
          {"upper", CaseMethod<ToUpper>},
          {"lower", CaseMethod<ToLower>},
          {"casefold", CaseMethod<CaseFold>},
          {"capitalize", CaseMethod<Capitalize>},
          {"title", CaseMethod<TitleWords>},
          {"swapcase", CaseMethod<SwapCase>},
          {"join", JoinMethod},
          {"ljust", JustifyMethod<'<'>},
          {"rjust", JustifyMethod<'>'>},
          {"center", JustifyMethod<'^'>},
          {"zfill", ZeroFillMethod},
          {"expandtabs", ExpandTabsMethod},
          {"removeprefix", RemoveAffixMethod<true>},
          {"removesuffix", RemoveAffixMethod<false>},
          {"format", FormatMethod},
          {"format_map", FormatMapMethod}};
}

}  // namespace hyprstream::text::tmpl
