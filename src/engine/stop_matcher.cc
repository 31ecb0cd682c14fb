#include "engine/stop_matcher.h"

#include <algorithm>
#include <utility>

namespace hyprstream::engine {

std::string StopMatcher::Push(std::string_view piece) {
  if (matched_) return {};
  held_ += piece;
  size_t end = std::string::npos;
  const std::string* found = nullptr;
  for (const std::string& stop : stops_) {
    const size_t begin = held_.find(stop);
    if (begin == std::string::npos) continue;
    const size_t stop_end = begin + stop.size();
    if (found == nullptr || stop_end < end || (stop_end == end && stop.size() > found->size())) {
      end = stop_end;
      found = &stop;
    }
  }
  if (found != nullptr) {
    matched_ = *found;
    held_.resize(end - found->size());
    return std::exchange(held_, {});
  }
  const size_t keep = HoldBack();
  std::string shown = held_.substr(0, held_.size() - keep);
  held_.erase(0, shown.size());
  return shown;
}

std::string StopMatcher::Flush() { return std::exchange(held_, {}); }

// Length of the longest end of the text that begins a stop string.
size_t StopMatcher::HoldBack() const {
  size_t keep = 0;
  for (const std::string& stop : stops_) {
    for (size_t size = std::min(stop.size() - 1, held_.size()); size > keep; --size) {
      if (held_.ends_with(std::string_view(stop).substr(0, size))) {
        keep = size;
        break;
      }
    }
  }
  return keep;
}

}  // namespace hyprstream::engine
