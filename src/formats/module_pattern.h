// Regular expressions over module paths, as PEFT's configurations use them (Python's `re` dialect,
// of which PCRE2 understands what occurs there). Patterns come from strangers: compiling and
// matching are limited. Immutable; each call of a match uses its own workspace.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace hyprstream::formats {

class ModulePattern {
 public:
  /// Errors: kDataLoss naming `what` for a pattern that cannot be compiled or is too long.
  ModulePattern(std::string_view pattern, std::string_view what);

  /// The whole of `path` matches. Errors: kLimit when the match takes too many steps.
  bool Matches(std::string_view path) const;
  /// What the first group matched at the beginning of `path`, as Python's re.match; nothing when
  /// the pattern does not match there.
  std::optional<std::string> FirstGroup(std::string_view path) const;

 private:
  struct Code;
  std::string pattern_;
  std::shared_ptr<const Code> code_;
};

}  // namespace hyprstream::formats
