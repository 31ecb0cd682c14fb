#include "text/word_matcher.h"

#include <array>
#include <utility>

#include "base/error.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace hyprstream::text {
namespace {

constexpr std::string_view kGpt2Regex =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kLlama3Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen35Regex =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

enum class Case { kExact, kIgnored };

/// One position in the text: the class of its character and where the next one begins.
struct Here {
  uint8_t bits;
  const char* next;
};

class Scanner {
 public:
  explicit Scanner(const char* end) : classes_(UnicodeClasses::Get()), end_(end) {}

  Here At(const char* p) const {
    const auto byte = static_cast<unsigned char>(*p);
    if (byte < 0x80) return {classes_.ascii()[byte], p + 1};
    const CodePoint c = ReadCodePoint(p);
    return {classes_[c.value], p + c.length};
  }
  /// First position from `p` on whose character has none of `bits`.
  const char* SkipAll(const char* p, uint8_t bits) const {
    while (p < end_) {
      const Here here = At(p);
      if (!(here.bits & bits)) break;
      p = here.next;
    }
    return p;
  }
  /// First position from `p` on whose character has one of `bits`.
  const char* SkipNone(const char* p, uint8_t bits) const {
    while (p < end_) {
      const Here here = At(p);
      if (here.bits & bits) break;
      p = here.next;
    }
    return p;
  }
  const char* SkipNewlines(const char* p) const {
    while (p < end_ && (*p == '\r' || *p == '\n')) ++p;
    return p;
  }
  bool Has(const char* p, uint8_t bits) const { return p < end_ && (At(p).bits & bits); }
  bool AtEnd(const char* p) const { return p == end_; }

 private:
  const UnicodeClasses& classes_;
  const char* end_;
};

/// 's 't 're 've 'm 'll 'd at `p`, which is an apostrophe; 0 or the bytes matched. Ignoring case,
/// U+017F (long s) is an s.
template <Case kCase>
int ContractionLength(const char* p, const char* end) {
  const auto letter = [&](int i) -> char {
    if (end - p <= i) return 0;
    const char c = p[i];
    return kCase == Case::kIgnored && c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
  };
  switch (letter(1)) {
    case 's':
    case 't':
    case 'm':
    case 'd':
      return 2;
    case 'r':
    case 'v':
      return letter(2) == 'e' ? 3 : 0;
    case 'l':
      return letter(2) == 'l' ? 3 : 0;
    case '\xC5':
      return kCase == Case::kIgnored && letter(2) == '\xBF' ? 3 : 0;
    default:
      return 0;
  }
}

/// \s+(?!\S)|\s+ for the run [p, end of run): all of it at the end of the text, else all but the
/// last character, or that one when it is alone.
const char* EndOfSpaces(const char* p, const char* run_end, bool at_end_of_text) {
  if (at_end_of_text) return run_end;
  const char* last = PreviousCodePoint(p, run_end);
  return last > p ? last : run_end;
}

template <uint8_t kLetters, int kMaxDigits>
const char* NextQwenWord(const char* p, const char* end) {
  constexpr uint8_t kNotSymbol = kSpace | kLetters | kNumber;
  const Scanner scan(end);
  const Here first = scan.At(p);
  if (first.bits & kLetters) return scan.SkipAll(first.next, kLetters);
  if (*p == '\'') {
    if (const int length = ContractionLength<Case::kIgnored>(p, end)) return p + length;
  }
  const bool can_lead_letters = !(first.bits & (kLetter | kNumber | kNewline));
  if (can_lead_letters && scan.Has(first.next, kLetters)) {
    return scan.SkipAll(first.next, kLetters);
  }
  if (first.bits & kNumber) {
    const char* q = first.next;
    for (int digits = 1; digits < kMaxDigits && scan.Has(q, kNumber); ++digits) q = scan.At(q).next;
    return q;
  }
  const char* symbols = *p == ' ' ? p + 1 : p;
  if (!scan.AtEnd(symbols) && !scan.Has(symbols, kNotSymbol)) {
    return scan.SkipNewlines(scan.SkipNone(symbols, kNotSymbol));
  }
  const char* run_end = scan.SkipAll(p, kSpace);
  for (const char* q = run_end; q > p; --q) {
    if (q[-1] == '\r' || q[-1] == '\n') return q;
  }
  return EndOfSpaces(p, run_end, scan.AtEnd(run_end));
}

enum class Digits { kTogether, kSetApart };

template <Digits kDigits>
const char* NextGpt2Word(const char* p, const char* end) {
  const Scanner scan(end);
  if (*p == '\'') {
    if (const int length = ContractionLength<Case::kExact>(p, end)) return p + length;
  }
  const char* q = *p == ' ' ? p + 1 : p;
  if (!scan.AtEnd(q)) {
    const Here here = scan.At(q);
    if (here.bits & kLetter) return scan.SkipAll(here.next, kLetter);
    if (here.bits & kNumber) {
      if (kDigits == Digits::kTogether) return scan.SkipAll(here.next, kNumber);
      return q == p ? here.next : q;
    }
    if (!(here.bits & kSpace)) return scan.SkipNone(here.next, kLetter | kNumber | kSpace);
  }
  const char* run_end = scan.SkipAll(p, kSpace);
  const bool is_last =
      scan.AtEnd(run_end) || (kDigits == Digits::kSetApart && scan.Has(run_end, kNumber));
  return EndOfSpaces(p, run_end, is_last);
}

constexpr std::array kRegexes = {
    std::pair{WordPattern::kGpt2, kGpt2Regex}, std::pair{WordPattern::kQwen2, kQwen2Regex},
    std::pair{WordPattern::kLlama3, kLlama3Regex}, std::pair{WordPattern::kQwen35, kQwen35Regex}};

}  // namespace

std::string_view RegexOf(WordPattern pattern) {
  for (const auto& [known, regex] : kRegexes) {
    if (known == pattern) return regex;
  }
  return {};
}

std::optional<WordPattern> FindWordPattern(std::string_view regex) {
  for (const auto& [pattern, known] : kRegexes) {
    if (known == regex) return pattern;
  }
  return std::nullopt;
}

WordMatcher MatcherOf(WordPattern pattern) {
  switch (pattern) {
    case WordPattern::kGpt2:
      return &NextGpt2Word<Digits::kTogether>;
    case WordPattern::kSmolLm:
      return &NextGpt2Word<Digits::kSetApart>;
    case WordPattern::kQwen2:
      return &NextQwenWord<kLetter, 1>;
    case WordPattern::kLlama3:
      return &NextQwenWord<kLetter, 3>;
    case WordPattern::kQwen35:
      return &NextQwenWord<kLetter | kMark, 1>;
  }
  HYPR_CHECK(false);
  return nullptr;
}

}  // namespace hyprstream::text
