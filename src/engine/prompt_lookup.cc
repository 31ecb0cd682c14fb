#include "engine/prompt_lookup.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/error.h"

namespace hyprstream::engine {

void PromptLookup::Reserve(int64_t tokens) {
  HYPR_CHECK(tokens >= 0 && tokens <= std::numeric_limits<int32_t>::max());
  followers_.assign(std::bit_ceil(static_cast<size_t>(tokens) * 2), 0);
}

int32_t& PromptLookup::Slot(std::span<const int32_t> tokens, size_t end) {
  uint64_t hash = 0;
  for (size_t i = end - kMatched; i < end; ++i) {
    hash = (hash ^ static_cast<uint32_t>(tokens[i])) * 0x9E3779B97F4A7C15u;
    hash ^= hash >> 32;
  }
  return followers_[hash & (followers_.size() - 1)];
}

void PromptLookup::Learn(std::span<const int32_t> tokens) {
  for (size_t at = std::max(learnt_, kMatched); at < tokens.size(); ++at) {
    Slot(tokens, at) = static_cast<int32_t>(at);
  }
  learnt_ = std::max(learnt_, tokens.size());
}

std::span<const int32_t> PromptLookup::Guess(std::span<const int32_t> tokens, int64_t most) {
  if (followers_.empty() || tokens.size() <= kMatched) return {};
  Learn(tokens);
  if (resting_ > 0) {
    --resting_;
    return {};
  }
  const auto follower = static_cast<size_t>(Slot(tokens, tokens.size()));
  if (follower == 0) return {};
  const auto matched = tokens.last(kMatched);
  if (!std::equal(matched.begin(), matched.end(),
                  tokens.begin() + static_cast<int64_t>(follower - kMatched))) {
    return {};  // other tokens of the same hash
  }
  const int64_t known = static_cast<int64_t>(tokens.size() - follower);
  return tokens.subspan(
      follower, static_cast<size_t>(std::max<int64_t>(0, std::min({known, most, length_}))));
}

void PromptLookup::Judge(int64_t guessed, int64_t right) {
  if (right == 0) {
    length_ = kFirstLength;
    pause_ = std::min(2 * pause_ + 1, kLongestPause);
    resting_ = pause_;
    return;
  }
  pause_ /= 2;
  length_ = right == guessed ? 2 * guessed : std::max(right + 1, kFirstLength);
}

}  // namespace hyprstream::engine
