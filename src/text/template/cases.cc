#include "text/template/cases.h"

#include <utf8proc.h>

namespace hyprstream::text::tmpl {
namespace {

constexpr char32_t kSigma = 0x3A3;
constexpr char32_t kFinalSigma = 0x3C2;

// A capital sigma that ends a word becomes a final one: a cased letter before, none after.
bool IsFinalSigma(std::string_view text, size_t at) {
  size_t before = at;
  bool cased = false;
  while (before > 0) {
    before = PreviousStart(text, before);
    const char32_t c = DecodeAt(text, before).value;
    if (IsCaseIgnorable(c)) continue;
    cased = IsCased(c);
    break;
  }
  if (!cased) return false;
  for (size_t after = at + 2; after < text.size();) {
    const CodePoint c = DecodeAt(text, after);
    if (!IsCaseIgnorable(c.value)) return !IsCased(c.value);
    after += c.length;
  }
  return true;
}

// `choose` gives each letter's case from the letter before it (0 at the beginning).
template <typename Choose>
Value Recase(Budget& budget, const Value& value, Choose&& choose) {
  const StrView text(value);
  TextBuilder out(budget);
  char32_t previous = 0;
  size_t at = 0;
  MapCodePoints(budget, text, out, [&](std::string& run, char32_t c) {
    const Case to = choose(previous, c);
    if (c == kSigma && to == Case::kLower && IsFinalSigma(text.text(), at)) {
      AppendUtf8(run, kFinalSigma);
    } else {
      AppendCased(run, c, to);
    }
    previous = c;
    at += DecodeAt(text.text(), at).length;
  });
  return out.Finish(ValueAccess::IsMarkup(value));
}

}  // namespace

Value ToUpper(Budget& budget, const Value& text) {
  return Recase(budget, text, [](char32_t, char32_t) { return Case::kUpper; });
}

Value ToLower(Budget& budget, const Value& text) {
  return Recase(budget, text, [](char32_t, char32_t) { return Case::kLower; });
}

Value CaseFold(Budget& budget, const Value& value) {
  TextBuilder out(budget);
  MapCodePoints(budget, StrView(value), out, [](std::string& run, char32_t c) {
    utf8proc_int32_t folded[4];
    int boundary = 0;
    const auto count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), folded, 4,
                                               UTF8PROC_CASEFOLD, &boundary);
    if (count < 1 || count > 4) return AppendUtf8(run, c);
    for (int i = 0; i < count; ++i) AppendUtf8(run, static_cast<char32_t>(folded[i]));
  });
  return out.Finish(ValueAccess::IsMarkup(value));
}

Value Capitalize(Budget& budget, const Value& text) {
  return Recase(budget, text, [](char32_t previous, char32_t) {
    return previous == 0 ? Case::kTitle : Case::kLower;
  });
}

Value SwapCase(Budget& budget, const Value& text) {
  return Recase(budget, text,
                [](char32_t, char32_t c) { return IsUpper(c) ? Case::kLower : Case::kUpper; });
}

Value TitleWords(Budget& budget, const Value& text) {
  return Recase(budget, text, [](char32_t previous, char32_t) {
    return IsCased(previous) ? Case::kLower : Case::kTitle;
  });
}

Value TitleFilter(Budget& budget, const Value& text) {
  return Recase(budget, text, [](char32_t previous, char32_t) {
    const bool starts = previous == 0 || IsSpace(previous) || previous == '-' || previous == '(' ||
                        previous == '{' || previous == '[' || previous == '<';
    return starts ? Case::kUpper : Case::kLower;
  });
}

void Center(TextBuilder& out, Budget& budget, StrView text, uint64_t width, std::string_view fill) {
  budget.Touch(text.size());
  const uint64_t length = CountCodePoints(text.text());
  const uint64_t missing = width > length ? width - length : 0;
  const uint64_t left = missing / 2 + (missing & width & 1);
  out.Repeat(fill, left);
  out.Append(text);
  out.Repeat(fill, missing - left);
}

}  // namespace hyprstream::text::tmpl
