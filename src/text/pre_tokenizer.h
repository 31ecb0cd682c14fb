// What tokenizer.json calls the pre-tokenizer: cutting a normalised piece of text into the words
// that the model merges one by one. Immutable: any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/normalizer.h"
#include "text/split.h"
#include "text/word_matcher.h"

namespace hyprstream::text {

/// Splits by GPT-2's pattern if asked to, then turns bytes into their characters.
struct ByteLevelWords {
  bool add_prefix_space = true;
  bool use_regex = true;
};
struct SplitWords {
  std::variant<Pattern, WordPattern, CharPredicate> pattern = WordPattern::kGpt2;
  SplitBehavior behavior = SplitBehavior::kIsolated;
  bool invert = false;  // what the pattern does not match counts as matched
};
enum class PrependScheme { kAlways, kFirst, kNever };
struct MetaspaceWords {
  std::string replacement = "\xE2\x96\x81";  // U+2581, one character
  PrependScheme prepend = PrependScheme::kAlways;
  bool split = true;
};

using PreTokenizerStep = std::variant<ByteLevelWords, SplitWords, MetaspaceWords>;

SplitWords DigitWords(SplitBehavior behavior);
SplitWords WhitespaceWords();       // \w+|[^\w\s]+
SplitWords WhitespaceSplitWords();  // what stands between white space
SplitWords PunctuationWords(SplitBehavior behavior);

/// A text and its words in order. A step that rewrites words rewrites the text.
struct Words {
  std::string text = {};
  std::vector<Range> ranges = {};
  bool from_start = false;  // the first word begins where the whole input begins
};

class PreTokenizer {
 public:
  PreTokenizer() = default;
  explicit PreTokenizer(std::vector<PreTokenizerStep> steps);

  /// The last step is ByteLevel and has been left to the model: words are raw bytes, each of which
  /// is one symbol.
  bool leaves_bytes() const { return leaves_bytes_; }
  /// Set when the words are just those of one known pattern, so that they can be walked in place.
  std::optional<WordPattern> sole_pattern() const { return sole_pattern_; }

  Words Apply(std::string text, bool from_start) const;

 private:
  std::optional<WordPattern> FindSolePattern() const;

  std::vector<PreTokenizerStep> steps_;
  bool leaves_bytes_ = false;
  std::optional<WordPattern> sole_pattern_;
};

}  // namespace hyprstream::text
