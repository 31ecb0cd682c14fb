#include "text/split.h"

#include <algorithm>

#include "text/utf8.h"

namespace hyprstream::text {
namespace {

std::vector<Range> JoinEqualNeighbours(const std::vector<Match>& matches) {
  std::vector<Range> pieces;
  bool previous = false;
  for (const Match& match : matches) {
    if (match.matched == previous && !pieces.empty()) {
      pieces.back().end = match.range.end;
    } else {
      pieces.push_back(match.range);
    }
    previous = match.matched;
  }
  return pieces;
}

std::vector<Range> MergeWithPrevious(const std::vector<Match>& matches) {
  std::vector<Range> pieces;
  bool previous = false;
  for (const Match& match : matches) {
    if (match.matched && !previous && !pieces.empty()) {
      pieces.back().end = match.range.end;
    } else {
      pieces.push_back(match.range);
    }
    previous = match.matched;
  }
  return pieces;
}

std::vector<Range> MergeWithNext(const std::vector<Match>& matches) {
  std::vector<Range> pieces;
  bool next = false;
  for (auto match = matches.rbegin(); match != matches.rend(); ++match) {
    if (match->matched && !next && !pieces.empty()) {
      pieces.back().begin = match->range.begin;
    } else {
      pieces.push_back(match->range);
    }
    next = match->matched;
  }
  std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

std::vector<Range> Pieces(const std::vector<Match>& matches, SplitBehavior behavior) {
  switch (behavior) {
    case SplitBehavior::kContiguous:
      return JoinEqualNeighbours(matches);
    case SplitBehavior::kMergedWithPrevious:
      return MergeWithPrevious(matches);
    case SplitBehavior::kMergedWithNext:
      return MergeWithNext(matches);
    case SplitBehavior::kRemoved:
    case SplitBehavior::kIsolated:
      break;
  }
  std::vector<Range> pieces;
  for (const Match& match : matches) {
    if (behavior == SplitBehavior::kIsolated || !match.matched) pieces.push_back(match.range);
  }
  return pieces;
}

}  // namespace

std::vector<Range> SplitAt(const std::vector<Match>& matches, SplitBehavior behavior) {
  std::vector<Range> pieces = Pieces(matches, behavior);
  std::erase_if(pieces, [](const Range& piece) { return piece.empty(); });
  return pieces;
}

std::vector<Match> MatchCharacters(std::string_view text, CharPredicate predicate) {
  std::vector<Match> matches;
  size_t gap = 0;
  for (size_t i = 0; i < text.size();) {
    const CodePoint c = ReadCodePoint(text.data() + i);
    if (predicate(c.value)) {
      if (gap < i) matches.push_back({{gap, i}, false});
      gap = i + c.length;
      matches.push_back({{i, gap}, true});
    }
    i += c.length;
  }
  if (gap < text.size()) matches.push_back({{gap, text.size()}, false});
  return matches;
}

std::vector<Match> MatchString(std::string_view text, std::string_view needle) {
  std::vector<Match> matches;
  size_t gap = 0;
  for (size_t at = text.find(needle); at != std::string_view::npos; at = text.find(needle, gap)) {
    if (gap < at) matches.push_back({{gap, at}, false});
    gap = at + needle.size();
    matches.push_back({{at, gap}, true});
  }
  if (gap < text.size()) matches.push_back({{gap, text.size()}, false});
  return matches;
}

}  // namespace hyprstream::text
