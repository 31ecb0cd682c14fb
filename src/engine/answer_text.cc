#include "engine/answer_text.h"

namespace hyprstream::engine {

AnswerText::AnswerText(const std::shared_ptr<const text::Tokenizer>& tokenizer, bool skip_special,
                       std::vector<std::string> stops)
    : stops_(std::move(stops)) {
  if (tokenizer != nullptr) decoder_.emplace(tokenizer, skip_special);
}

std::string AnswerText::Push(int32_t id) {
  if (!decoder_) return {};
  return stops_.Push(decoder_->Push(id));
}

std::string AnswerText::Finish() {
  if (!decoder_ || stop()) return {};
  std::string text = stops_.Push(decoder_->Flush());
  return text + stops_.Flush();
}

}  // namespace hyprstream::engine
