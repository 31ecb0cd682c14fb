// Methods of strings that answer questions.
#include <algorithm>

#include "text/template/builtins.h"
#include "text/template/interp.h"
#include "text/template/marked_string.h"
#include "text/template/template_error.h"

namespace hyprstream::text::tmpl {
namespace {

// The bytes between the code point indices `start` and `end`, as Python's slices count them.
struct Window {
  size_t begin = 0;
  size_t end = 0;
  bool valid = true;  // whether start is not beyond the text
};

Window WindowOf(Budget& budget, std::string_view text, const Bound& bound, size_t first) {
  const bool has_start = bound.Has(first) && !bound[first].is_none();
  const bool has_end = bound.Has(first + 1) && !bound[first + 1].is_none();
  if (!has_start && !has_end) return {.begin = 0, .end = text.size()};
  budget.Touch(4 * text.size());
  const auto length = static_cast<int64_t>(CountCodePoints(text));
  const auto clamp = [length](int64_t i) {
    return std::clamp<int64_t>(i < 0 ? (i < -length ? 0 : i + length) : i, 0, length);
  };
  const int64_t raw = has_start ? bound.Integer(first, 0) : 0;
  const int64_t start = clamp(raw);
  const int64_t end = has_end ? clamp(bound.Integer(first + 1, 0)) : length;
  return {.begin = ByteOffset(text, static_cast<size_t>(start)),
          .end = ByteOffset(text, static_cast<size_t>(end)),
          .valid = raw <= length && start <= end};
}

template <bool kStart>
Value AffixMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, kStart ? "startswith" : "endswith", {"affix", "start", "end"}, 1);
  const std::string_view text = args.positional[0].as_string();
  const Window window = WindowOf(interp.budget(), text, bound, 1);
  const std::string_view part =
      window.valid ? text.substr(window.begin, window.end - window.begin) : std::string_view();
  const auto matches = [&](const Value& affix) {
    RequireDefined(affix);
    if (!affix.is_string()) {
      RaiseRuntime(std::string(kStart ? "startswith" : "endswith") +
                   " first arg must be str or a tuple of str, not " + TypeName(affix));
    }
    interp.budget().Touch(affix.as_string().size());
    if (!window.valid) return false;
    return kStart ? part.starts_with(affix.as_string()) : part.ends_with(affix.as_string());
  };
  if (bound[0].kind() != Value::Kind::kTuple) return Value::Bool(matches(bound[0]));
  const auto& affixes = bound[0].items();
  return Value::Bool(std::any_of(affixes.begin(), affixes.end(), matches));
}

enum class Missing { kMinusOne, kError };

template <bool kLast, Missing kMissing>
Value FindMethodOf(Interp& interp, CallArgs& args) {
  const Bound bound(args, "find", {"sub", "start", "end"}, 1);
  Budget& budget = interp.budget();
  const std::string_view text = args.positional[0].as_string();
  const std::string& needle = bound.Text(0).as_string();
  const Window window = WindowOf(budget, text, bound, 1);
  size_t hit = std::string_view::npos;
  if (window.valid) {
    const std::string_view part = text.substr(window.begin, window.end - window.begin);
    hit = kLast ? FindLast(budget, part, needle) : Find(budget, part, needle);
  }
  if (hit == std::string_view::npos) {
    if (kMissing == Missing::kError) RaiseRuntime("substring not found");
    return Value::Int(-1);
  }
  budget.Touch(4 * (window.begin + hit));
  return Value::Int(static_cast<int64_t>(CountCodePoints(text.substr(0, window.begin + hit))));
}

Value CountMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "count", {"sub", "start", "end"}, 1);
  Budget& budget = interp.budget();
  const std::string_view text = args.positional[0].as_string();
  const std::string& needle = bound.Text(0).as_string();
  const Window window = WindowOf(budget, text, bound, 1);
  if (!window.valid) return Value::Int(0);
  const std::string_view part = text.substr(window.begin, window.end - window.begin);
  budget.Touch(part.size());
  if (needle.empty()) return Value::Int(static_cast<int64_t>(CountCodePoints(part)) + 1);
  int64_t count = 0;
  for (size_t at = Find(budget, part, needle); at != std::string_view::npos;
       at = Find(budget, part, needle, at + needle.size())) {
    ++count;
  }
  return Value::Int(count);
}

template <bool (*kIs)(char32_t)>
Value AllMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "is", {});
  const std::string_view text = args.positional[0].as_string();
  interp.budget().Touch(4 * text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeAt(text, at);
    if (!kIs(c.value)) return Value::Bool(false);
    at += c.length;
  }
  return Value::Bool(!text.empty());
}

// All cased letters have this case, and there is one.
template <bool (*kIs)(char32_t)>
Value CaseQuery(Interp& interp, CallArgs& args) {
  const Bound bound(args, "is", {});
  return Value::Bool(AllCased(interp.budget(), args.positional[0].as_string(), kIs));
}

Value IsTitleMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "istitle", {});
  const std::string_view text = args.positional[0].as_string();
  interp.budget().Touch(4 * text.size());
  bool after_cased = false;
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeAt(text, at);
    at += c.length;
    if (IsLower(c.value) ? !after_cased : (IsCased(c.value) && after_cased)) {
      return Value::Bool(false);
    }
    after_cased = IsCased(c.value);
    any |= after_cased;
  }
  return Value::Bool(any);
}

Value IsAsciiMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "isascii", {});
  interp.budget().Touch(args.positional[0].as_string().size());
  return Value::Bool(IsAscii(args.positional[0].as_string()));
}

Value IsIdentifierMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "isidentifier", {});
  const std::string_view text = args.positional[0].as_string();
  interp.budget().Touch(4 * text.size());
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeAt(text, at);
    if (at == 0 ? !(IsAlpha(c.value) || c.value == '_') : !IsWord(c.value)) {
      return Value::Bool(false);
    }
    at += c.length;
  }
  return Value::Bool(!text.empty());
}

Value IsPrintableMethod(Interp& interp, CallArgs& args) {
  if (args.positional[0].as_string().empty()) return Value::Bool(true);
  return AllMethod<IsPrintable>(interp, args);
}

Value EncodeMethod(Interp& interp, CallArgs& args) {
  const Bound bound(args, "encode", {"encoding", "errors"});
  if (bound.Has(0) && bound.Text(0).as_string() != "utf-8" && bound.Text(0).as_string() != "utf8" &&
      bound.Text(0).as_string() != "UTF-8") {
    RaiseRuntime("unknown encoding: " + bound.Text(0).as_string());
  }
  const StrView text(args.positional[0]);
  return ValueAccess::WithInput(MakeBytes(interp.budget(), text.text()), text.AnyInert());
}

}  // namespace

bool AllCased(Budget& budget, std::string_view text, bool (*is)(char32_t)) {
  budget.Touch(4 * text.size());
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const CodePoint c = DecodeAt(text, at);
    at += c.length;
    if (!IsCased(c.value)) continue;
    if (!is(c.value)) return false;
    any = true;
  }
  return any;
}

std::vector<NamedBuiltin> StringQueryMethods() {
  return {{"startswith", AffixMethod<true>},
          {"endswith", AffixMethod<false>},
          {"find", FindMethodOf<false, Missing::kMinusOne>},
          {"rfind", FindMethodOf<true, Missing::kMinusOne>},
          {"index", FindMethodOf<false, Missing::kError>},
          {"rindex", FindMethodOf<true, Missing::kError>},
          {"count", CountMethod},
          {"isalpha", AllMethod<IsAlpha>},
          {"isalnum", AllMethod<IsAlnum>},
          {"isdigit", AllMethod<IsDecimal>},
          {"isdecimal", AllMethod<IsDecimal>},
          {"isnumeric", AllMethod<IsDecimal>},
          {"isspace", AllMethod<IsSpace>},
          {"isupper", CaseQuery<IsUpper>},
          {"islower", CaseQuery<IsLower>},
          {"istitle", IsTitleMethod},
          {"isascii", IsAsciiMethod},
          {"isidentifier", IsIdentifierMethod},
          {"isprintable", IsPrintableMethod},
          {"encode", EncodeMethod}};
}

}  // namespace hyprstream::text::tmpl
