// Guesses what comes next in a sequence from what came the last time its latest tokens stood in it
// (prompt lookup decoding). Guesses cost rows of a step when they are wrong, so they are trusted by
// how the earlier ones fared: longer after success, rarer after failure. Deterministic; takes no
// memory after Reserve. One thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hyprstream::engine {

class PromptLookup {
 public:
  /// For sequences of at most `tokens`. Without it nothing is ever guessed.
  void Reserve(int64_t tokens);

  /// `tokens`: the whole sequence, longer than the last time. What may follow it, at most `most`
  /// tokens; a view into `tokens`. Each call is a step: it counts towards the pause after a
  /// failure.
  std::span<const int32_t> Guess(std::span<const int32_t> tokens, int64_t most);

  /// How many of the `guessed` tokens of the last call came true.
  void Judge(int64_t guessed, int64_t right);

 private:
  void Learn(std::span<const int32_t> tokens);
  /// Where the tokens ending before `end` are noted.
  int32_t& Slot(std::span<const int32_t> tokens, size_t end);

  std::vector<int32_t>
      followers_;      // by hash of kMatched tokens: where they were last followed; 0: nowhere
  size_t learnt_ = 0;  // tokens whose predecessors are noted
  int64_t length_ = kFirstLength;  // of the next guess
  int64_t pause_ = 0;              // steps without a guess after the last failure
  int64_t resting_ = 0;            // of these, still to come

  static constexpr size_t kMatched = 3;
  static constexpr int64_t kFirstLength = 2;
  static constexpr int64_t kLongestPause = 63;
};

}  // namespace hyprstream::engine
