// What tokenizer.json calls the normalizer: a list of rewritings of a piece of text. Immutable: any
// thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/regex.h"
#include "text/unicode.h"

namespace hyprstream::text {

/// A literal or a regular expression, as both Replace and Split take one.
struct Pattern {
  std::variant<std::string, std::shared_ptr<const Regex>> value = std::string();
  std::vector<Match> FindAll(std::string_view text) const;
};

/// Every match of `pattern` in `text` becomes `content`.
std::string ReplaceAll(std::string_view text, const Pattern& pattern, std::string_view content);

struct UnicodeForm {
  NormalForm form = NormalForm::kNfc;
};
struct LowerCaseText {};
struct StripSpaces {
  bool left = true;
  bool right = true;
};
struct RemoveMarks {};
struct ReplaceText {
  Pattern pattern;
  std::string content;
};
struct PrependText {
  std::string prefix;
};
struct MapToByteCharacters {};

using NormalizerStep = std::variant<UnicodeForm, LowerCaseText, StripSpaces, RemoveMarks,
                                    ReplaceText, PrependText, MapToByteCharacters>;

/// Which ends of the given text are ends of the whole piece; steps that act on an end act only
/// there.
struct PieceEnds {
  bool left = true;
  bool right = true;
};

class Normalizer {
 public:
  Normalizer() = default;
  explicit Normalizer(std::vector<NormalizerStep> steps) : steps_(std::move(steps)) {}

  /// True when `text` surely stays as it is, so that Apply and its copy can be saved.
  bool Keeps(std::string_view text) const;
  std::string Apply(std::string_view text, PieceEnds ends = {}) const;

 private:
  std::vector<NormalizerStep> steps_;
};

}  // namespace hyprstream::text
