// Cutting text at matches, with the five ways of treating the matched part that tokenizer.json
// knows. Stateless.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace hyprstream::text {

struct Range {
  size_t begin = 0;
  size_t end = 0;
  bool empty() const { return begin == end; }
  std::string_view In(std::string_view text) const { return text.substr(begin, end - begin); }
  friend bool operator==(const Range&, const Range&) = default;
};

/// A stretch of text that a pattern matched, or the gap between two such stretches.
struct Match {
  Range range;
  bool matched = false;
};

/// kRemoved drops the matches, kIsolated makes each a piece, kContiguous joins neighbouring matches
/// into one piece, kMergedWithPrevious and kMergedWithNext join a match to the gap beside it.
enum class SplitBehavior { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// `matches` cover a text from left to right without holes. Empty pieces are left out.
std::vector<Range> SplitAt(const std::vector<Match>& matches, SplitBehavior behavior);

using CharPredicate = bool (*)(uint32_t code_point);
/// Every character for which `predicate` holds is a match.
std::vector<Match> MatchCharacters(std::string_view text, CharPredicate predicate);
/// Every occurrence of `needle`, which is not empty, is a match.
std::vector<Match> MatchString(std::string_view text, std::string_view needle);

}  // namespace hyprstream::text
