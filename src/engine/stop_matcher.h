// Finds stop strings in a stream of text whatever way it is cut into pieces, and holds back what
// may turn out to be the beginning of one. The string that is complete first ends the text; of
// several that end at the same byte, the longest. One thread, one stream.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hyprstream::engine {

class StopMatcher {
 public:
  /// Every string has at least one byte.
  explicit StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  /// Takes the next piece and returns what may be shown now. After a match it returns nothing more.
  std::string Push(std::string_view piece);
  /// No more text comes: what was still held back.
  std::string Flush();

  const std::optional<std::string>& matched() const { return matched_; }

 private:
  size_t HoldBack() const;

  std::vector<std::string> stops_;
  std::string held_;
  std::optional<std::string> matched_;
};

}  // namespace hyprstream::engine
