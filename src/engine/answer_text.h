// The text of an answer as it grows: tokens become text when their characters are complete, and
// stop strings end it. Without a tokenizer there is no text. One thread, one answer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/stop_matcher.h"
#include "text/tokenizer.h"

namespace hyprstream::engine {

class AnswerText {
 public:
  /// `tokenizer` may be null.
  AnswerText(const std::shared_ptr<const text::Tokenizer>& tokenizer, bool skip_special,
             std::vector<std::string> stops);

  /// What may be shown after this token.
  std::string Push(int32_t id);
  /// The answer is over: what was held back. May complete a stop string.
  std::string Finish();

  /// The stop string that ended the text.
  const std::optional<std::string>& stop() const { return stops_.matched(); }

 private:
  std::optional<text::StreamDecoder> decoder_;
  StopMatcher stops_;
};

}  // namespace hyprstream::engine
