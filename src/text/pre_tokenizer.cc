#include "text/pre_tokenizer.h"

#include "text/byte_map.h"
#include "text/unicode.h"
#include "text/utf8.h"

namespace hyprstream::text {
namespace {

template <uint8_t kBits>
bool HasClass(uint32_t code_point) {
  return (UnicodeClasses::Get()[code_point] & kBits) != 0;
}

bool IsPunctuation(uint32_t c) {
  const bool is_ascii_symbol = (c >= 0x21 && c <= 0x2F) || (c >= 0x3A && c <= 0x40) ||
                               (c >= 0x5B && c <= 0x60) || (c >= 0x7B && c <= 0x7E);
  return is_ascii_symbol || HasClass<kPunctuation>(c);
}

bool IsIndividualDigits(const PreTokenizerStep& step) {
  const auto* split = std::get_if<SplitWords>(&step);
  if (split == nullptr || split->invert || split->behavior != SplitBehavior::kIsolated)
    return false;
  const auto* predicate = std::get_if<CharPredicate>(&split->pattern);
  return predicate != nullptr && *predicate == &HasClass<kNumber>;
}

std::vector<Match> WalkWords(std::string_view text, WordPattern pattern) {
  std::vector<Match> matches;
  const WordMatcher next = MatcherOf(pattern);
  const char* end = text.data() + text.size();
  for (const char* p = text.data(); p < end;) {
    const char* q = next(p, end);
    matches.push_back(
        {{static_cast<size_t>(p - text.data()), static_cast<size_t>(q - text.data())}, true});
    p = q;
  }
  return matches;
}

std::vector<Match> FindAll(const SplitWords& step, std::string_view text) {
  std::vector<Match> matches;
  if (const auto* pattern = std::get_if<Pattern>(&step.pattern)) {
    matches = pattern->FindAll(text);
  } else if (const auto* known = std::get_if<WordPattern>(&step.pattern)) {
    matches = WalkWords(text, *known);
  } else {
    matches = MatchCharacters(text, std::get<CharPredicate>(step.pattern));
  }
  if (step.invert) {
    for (Match& match : matches) match.matched = !match.matched;
  }
  return matches;
}

/// Replaces every word by what `split` makes of it: ranges within the word.
template <typename Split>
void Refine(Words& words, const Split& split) {
  std::vector<Range> refined;
  refined.reserve(words.ranges.size());
  bool from_start = false;
  for (size_t i = 0; i < words.ranges.size(); ++i) {
    const Range word = words.ranges[i];
    const std::vector<Range> pieces = split(word.In(words.text));
    if (i == 0) from_start = words.from_start && !pieces.empty() && pieces.front().begin == 0;
    for (const Range& piece : pieces) {
      refined.push_back({word.begin + piece.begin, word.begin + piece.end});
    }
  }
  words.ranges = std::move(refined);
  words.from_start = from_start;
}

/// Replaces the text of every word by `rewrite(word, is it the first of the input)`.
template <typename Rewrite>
void RewriteEach(Words& words, const Rewrite& rewrite) {
  std::string text;
  text.reserve(words.text.size() + words.text.size() / 8);
  for (size_t i = 0; i < words.ranges.size(); ++i) {
    const size_t begin = text.size();
    text += rewrite(words.ranges[i].In(words.text), i == 0 && words.from_start);
    words.ranges[i] = {begin, text.size()};
  }
  words.text = std::move(text);
}

void Run(const SplitWords& step, Words& words) {
  Refine(words,
         [&step](std::string_view word) { return SplitAt(FindAll(step, word), step.behavior); });
}

/// Without the mapping of bytes to characters.
void RunSplit(const ByteLevelWords& step, Words& words) {
  if (step.add_prefix_space) {
    RewriteEach(words, [](std::string_view word, bool) {
      return word.starts_with(' ') ? std::string(word) : " " + std::string(word);
    });
  }
  if (step.use_regex) Run(SplitWords{.pattern = WordPattern::kGpt2}, words);
}

void Run(const ByteLevelWords& step, Words& words) {
  RunSplit(step, words);
  RewriteEach(words, [](std::string_view word, bool) { return MapBytes(word); });
}

void Run(const MetaspaceWords& step, Words& words) {
  const Pattern space{std::string(" ")};
  RewriteEach(words, [&](std::string_view word, bool is_first) {
    std::string text = ReplaceAll(word, space, step.replacement);
    const bool prepend = step.prepend == PrependScheme::kAlways ||
                         (step.prepend == PrependScheme::kFirst && is_first);
    return prepend && !text.starts_with(step.replacement) ? step.replacement + text : text;
  });
  if (!step.split) return;
  Refine(words, [&step](std::string_view word) {
    return SplitAt(MatchString(word, step.replacement), SplitBehavior::kMergedWithNext);
  });
}

}  // namespace

SplitWords DigitWords(SplitBehavior behavior) {
  return {.pattern = CharPredicate(&HasClass<kNumber>), .behavior = behavior};
}

SplitWords WhitespaceWords() {
  return {.pattern = Pattern{std::make_shared<const Regex>(
              Regex::Compile(R"([\w\x{200C}\x{200D}]+|[^\w\x{200C}\x{200D}\s]+)", "Whitespace"))},
          .behavior = SplitBehavior::kRemoved,
          .invert = true};
}

SplitWords WhitespaceSplitWords() {
  return {.pattern = CharPredicate(&HasClass<kSpace>), .behavior = SplitBehavior::kRemoved};
}

SplitWords PunctuationWords(SplitBehavior behavior) {
  return {.pattern = CharPredicate(&IsPunctuation), .behavior = behavior};
}

PreTokenizer::PreTokenizer(std::vector<PreTokenizerStep> steps) : steps_(std::move(steps)) {
  leaves_bytes_ = !steps_.empty() && std::holds_alternative<ByteLevelWords>(steps_.back());
  sole_pattern_ = FindSolePattern();
}

std::optional<WordPattern> PreTokenizer::FindSolePattern() const {
  if (!leaves_bytes_ || steps_.size() > 2) return std::nullopt;
  const auto& bytes = std::get<ByteLevelWords>(steps_.back());
  if (bytes.add_prefix_space) return std::nullopt;
  if (steps_.size() == 1) {
    return bytes.use_regex ? std::optional(WordPattern::kGpt2) : std::nullopt;
  }
  if (bytes.use_regex) {
    return IsIndividualDigits(steps_[0]) ? std::optional(WordPattern::kSmolLm) : std::nullopt;
  }
  const auto* split = std::get_if<SplitWords>(&steps_[0]);
  if (split == nullptr) return std::nullopt;
  // Every character is in a match, so that removing what is not matched isolates the words as well.
  const bool isolates = split->behavior == SplitBehavior::kIsolated ||
                        (split->behavior == SplitBehavior::kRemoved && split->invert);
  const auto* known = std::get_if<WordPattern>(&split->pattern);
  return isolates && known != nullptr ? std::optional(*known) : std::nullopt;
}

Words PreTokenizer::Apply(std::string text, bool from_start) const {
  Words words{.text = std::move(text), .from_start = from_start};
  if (!words.text.empty()) words.ranges.push_back({0, words.text.size()});
  for (size_t i = 0; i < steps_.size(); ++i) {
    if (leaves_bytes_ && i + 1 == steps_.size()) {
      RunSplit(std::get<ByteLevelWords>(steps_[i]), words);
    } else {
      std::visit([&words](const auto& step) { Run(step, words); }, steps_[i]);
    }
  }
  return words;
}

}  // namespace hyprstream::text
