#include "text/normalizer.h"

#include <algorithm>

#include "base/error.h"
#include "text/byte_map.h"
#include "text/utf8.h"

namespace hyprstream::text {
namespace {

/// A replacement may make text this many times as long, and a short one this much longer: NFKD's
/// worst is 18 characters for one. What a hostile file would want is more.
constexpr size_t kMaxGrowth = 32, kFreeGrowth = 64 << 10;

[[noreturn]] void ThrowTooLong() {
  throw Error(ErrorCode::kLimit, {.message = "the tokenizer's replacements make the text too long",
                                  .expected = "at most 32 times the text"});
}

uint8_t ClassOf(uint32_t code_point) { return UnicodeClasses::Get()[code_point]; }

std::string_view Strip(std::string_view text, StripSpaces sides) {
  while (sides.left && !text.empty()) {
    const CodePoint c = ReadCodePoint(text.data());
    if (!(ClassOf(c.value) & kSpace)) break;
    text.remove_prefix(c.length);
  }
  while (sides.right && !text.empty()) {
    const char* last = PreviousCodePoint(text.data(), text.data() + text.size());
    if (!(ClassOf(ReadCodePoint(last).value) & kSpace)) break;
    text = text.substr(0, static_cast<size_t>(last - text.data()));
  }
  return text;
}

std::string WithoutMarks(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = ReadCodePoint(text.data() + i);
    if (!(ClassOf(c.value) & kMark)) out.append(text, i, c.length);
    i += c.length;
  }
  return out;
}

struct Apply1 {
  std::string_view text;
  PieceEnds ends;

  std::string operator()(const UnicodeForm& step) const { return Normalize(text, step.form); }
  std::string operator()(const LowerCaseText&) const { return LowerCase(text); }
  std::string operator()(const StripSpaces& step) const {
    return std::string(Strip(text, {step.left && ends.left, step.right && ends.right}));
  }
  std::string operator()(const RemoveMarks&) const { return WithoutMarks(text); }
  std::string operator()(const ReplaceText& step) const {
    return ReplaceAll(text, step.pattern, step.content);
  }
  std::string operator()(const PrependText& step) const {
    return text.empty() || !ends.left ? std::string(text) : step.prefix + std::string(text);
  }
  std::string operator()(const MapToByteCharacters&) const { return MapBytes(text); }
};

}  // namespace

std::vector<Match> Pattern::FindAll(std::string_view text) const {
  if (const auto* regex = std::get_if<std::shared_ptr<const Regex>>(&value)) {
    return (*regex)->FindAll(text);
  }
  const std::string& literal = std::get<std::string>(value);
  if (literal.empty()) return {{{0, text.size()}, false}};
  return MatchString(text, literal);
}

std::string ReplaceAll(std::string_view text, const Pattern& pattern, std::string_view content) {
  const size_t limit = kFreeGrowth + kMaxGrowth * text.size();
  std::string out;
  out.reserve(text.size());
  for (const Match& match : pattern.FindAll(text)) {
    out += match.matched ? content : match.range.In(text);
    if (out.size() > limit) ThrowTooLong();
  }
  return out;
}

bool Normalizer::Keeps(std::string_view text) const {
  return std::all_of(steps_.begin(), steps_.end(), [text](const NormalizerStep& step) {
    const auto* form = std::get_if<UnicodeForm>(&step);
    return form != nullptr && form->form == NormalForm::kNfc && IsSurelyNfc(text);
  });
}

std::string Normalizer::Apply(std::string_view text, PieceEnds ends) const {
  std::string out(text);
  for (const NormalizerStep& step : steps_) {
    out = std::visit(Apply1{out, ends}, step);
    if (out.size() > kFreeGrowth + kMaxGrowth * text.size()) ThrowTooLong();
  }
  return out;
}

}  // namespace hyprstream::text
