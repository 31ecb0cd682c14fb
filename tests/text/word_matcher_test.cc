#include "text/word_matcher.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "text/pre_tokenizer.h"
#include "text/regex.h"
#include "text/utf8.h"

namespace hyprstream::text {
namespace {

constexpr WordPattern kWithRegex[] = {WordPattern::kGpt2, WordPattern::kQwen2, WordPattern::kLlama3,
                                      WordPattern::kQwen35};

/// Mostly the characters that the patterns tell apart, below U+3100 so that every Unicode version
/// in use agrees about them.
std::string AnyText() {
  const auto character = rc::gen::weightedOneOf<uint32_t>(
      {{4,
        rc::gen::element<uint32_t>(' ', ' ', '\n', '\r', '\t', '\'', 's', 'S', 'l', 'L', 'e', 'r',
                                   'v', 'd', 0x17F, 0x3000, 0x85, 0x301, 0x2167, 0xBD, '1', '2')},
       {2, rc::gen::inRange<uint32_t>(0x20, 0x7F)},
       {1, rc::gen::inRange<uint32_t>(0x80, 0x500)},
       {1, rc::gen::inRange<uint32_t>(0x2000, 0x2070)}});
  std::string text;
  for (const uint32_t c : *rc::gen::container<std::vector<uint32_t>>(character)) {
    AppendUtf8(text, c);
  }
  return text;
}

std::vector<std::string> Walk(WordPattern pattern, const std::string& text) {
  std::vector<std::string> words;
  const char* end = text.data() + text.size();
  for (const char* p = text.data(); p < end;) {
    const char* q = MatcherOf(pattern)(p, end);
    RC_ASSERT(q > p && q <= end);
    words.emplace_back(p, q);
    p = q;
  }
  return words;
}

RC_GTEST_PROP(WordMatcher, FindsTheWordsOfItsRegularExpression, ()) {
  const std::string text = AnyText();
  for (const WordPattern pattern : kWithRegex) {
    const Regex regex = Regex::Compile(RegexOf(pattern), "test");
    std::vector<std::string> expected;
    for (const Match& match : regex.FindAll(text)) {
      RC_ASSERT(match.matched);
      expected.emplace_back(match.range.In(text));
    }
    RC_ASSERT(Walk(pattern, text) == expected);
  }
}

RC_GTEST_PROP(WordMatcher, SmolLmIsGpt2BetweenNumbersSetApart, ()) {
  const std::string text = AnyText();
  const PreTokenizer steps(
      {DigitWords(SplitBehavior::kIsolated), SplitWords{.pattern = WordPattern::kGpt2}});
  const Words words = steps.Apply(text, true);
  std::vector<std::string> expected;
  for (const Range& range : words.ranges) expected.emplace_back(range.In(words.text));
  RC_ASSERT(Walk(WordPattern::kSmolLm, text) == expected);
}

TEST(WordMatcher, IsFoundByExactPatternOnly) {
  for (const WordPattern pattern : kWithRegex) {
    EXPECT_EQ(FindWordPattern(RegexOf(pattern)), pattern);
    EXPECT_EQ(FindWordPattern(std::string(RegexOf(pattern)) + " "), std::nullopt);
  }
}

TEST(WordMatcher, LongSIsAnSInContractionsThatIgnoreCase) {
  const std::string text = "IT'\xC5\xBFt";
  EXPECT_EQ(Walk(WordPattern::kQwen2, text), (std::vector<std::string>{"IT", "'\xC5\xBF", "t"}));
  EXPECT_EQ(Walk(WordPattern::kGpt2, text), (std::vector<std::string>{"IT", "'", "\xC5\xBFt"}));
}

TEST(SplitBehavior, TreatsTheMatchAsTokenizerJsonSays) {
  const std::string text = "a--b-";
  const auto split = [&](SplitBehavior behavior) {
    std::vector<std::string> pieces;
    for (const Range& range : SplitAt(MatchString(text, "-"), behavior)) {
      pieces.emplace_back(range.In(text));
    }
    return pieces;
  };
  using Pieces = std::vector<std::string>;
  EXPECT_EQ(split(SplitBehavior::kRemoved), (Pieces{"a", "b"}));
  EXPECT_EQ(split(SplitBehavior::kIsolated), (Pieces{"a", "-", "-", "b", "-"}));
  EXPECT_EQ(split(SplitBehavior::kMergedWithPrevious), (Pieces{"a-", "-", "b-"}));
  EXPECT_EQ(split(SplitBehavior::kMergedWithNext), (Pieces{"a", "-", "-b", "-"}));
  EXPECT_EQ(split(SplitBehavior::kContiguous), (Pieces{"a", "--", "b", "-"}));
}

}  // namespace
}  // namespace hyprstream::text
