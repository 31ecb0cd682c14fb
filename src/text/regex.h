// A regular expression from a tokenizer's file, run by PCRE2 with Oniguruma's meaning of the
// classes. The pattern and the text are hostile: compiled size, steps, stack and heap are bounded.
// Immutable after Compile: any thread may match.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/split.h"

namespace hyprstream::text {

class Regex {
 public:
  /// Errors: kUnsupported when the pattern is too long, does not compile, or uses what means
  /// another thing in Oniguruma (\h, &&, inline flags other than i and x); `where` names the
  /// pattern.
  static Regex Compile(std::string_view pattern, std::string_view where);

  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  /// Non-overlapping matches from left to right and the gaps between them. `text` is well formed.
  /// Errors: kLimit when one match takes too many steps.
  std::vector<Match> FindAll(std::string_view text) const;

 private:
  struct Impl;
  explicit Regex(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace hyprstream::text
