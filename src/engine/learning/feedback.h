// Feedback on answers: the last answers are remembered with what they answered, so that somebody
// who says what would have been right makes a sample of it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "adapters/journal.h"

namespace hyprstream::engine {

/// An answer as it was given.
struct AnsweredCompletion {
  std::string id;
  std::string adapter;  // empty: the base alone
  int64_t version = 0;  // that answered
  /// What was asked, one of: a JSON list of messages; text that was continued as it is.
  std::string messages = {};
  std::string text = {};
  std::string answer = {};
};

/// At least one of the three.
struct Feedback {
  std::string completion_id;
  std::optional<double> score = {};            // -1 to 1
  std::optional<std::string> correction = {};  // what the answer should have been
  std::optional<std::string> label = {};
};

/// The newest answers, bounded by number and bytes. Thread-safe.
class AnsweredCompletions {
 public:
  explicit AnsweredCompletions(size_t most = 10'000, size_t most_bytes = size_t{32} << 20)
      : most_(most), most_bytes_(most_bytes) {}

  void Remember(AnsweredCompletion completion);
  std::shared_ptr<const AnsweredCompletion> Find(std::string_view id) const;

 private:
  const size_t most_;
  const size_t most_bytes_;
  mutable std::mutex mutex_;
  size_t bytes_ = 0;                                              // all guarded by mutex_
  std::deque<std::shared_ptr<const AnsweredCompletion>> newest_;  // last
  std::unordered_map<std::string, std::shared_ptr<const AnsweredCompletion>> by_id_;
};

/// The sample that feedback makes of an answer: the correction, or else the answer itself as far as
/// the score speaks for it. Nothing to learn: a score that is not positive without a correction.
/// Errors: kInvalidArgument naming the field for a score out of range, an empty correction, none of
/// the three.
std::optional<adapters::NewSample> SampleOf(const AnsweredCompletion& completion,
                                            const Feedback& feedback);

}  // namespace hyprstream::engine
