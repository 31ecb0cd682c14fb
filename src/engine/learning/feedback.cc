#include "engine/learning/feedback.h"

#include <cmath>
#include <utility>

#include "base/error.h"
#include "text/json_value.h"

namespace hyprstream::engine {
namespace {

using text::Value;

size_t SizeOf(const AnsweredCompletion& completion) {
  return sizeof(AnsweredCompletion) + completion.id.size() + completion.adapter.size() +
         completion.messages.size() + completion.text.size() + completion.answer.size();
}

[[noreturn]] void Refuse(std::string message, std::string expected, std::string found,
                         std::string where) {
  throw Error(ErrorCode::kInvalidArgument, {.message = std::move(message),
                                            .expected = std::move(expected),
                                            .found = std::move(found),
                                            .where = std::move(where)});
}

void CheckFeedback(const Feedback& feedback) {
  if (!feedback.score && !feedback.correction && !feedback.label) {
    Refuse("feedback says nothing", "a score, a correction or a label", "none", "score");
  }
  if (feedback.score && !(std::abs(*feedback.score) <= 1.0)) {
    Refuse("a score is out of range", "-1 to 1", std::to_string(*feedback.score), "score");
  }
  if (feedback.correction && feedback.correction->empty()) {
    Refuse("a correction is empty", "what the answer should have been", "nothing", "correction");
  }
}

std::string BodyOf(const AnsweredCompletion& completion, const std::string& answer) {
  if (completion.messages.empty()) {
    return text::WriteJson(Value::Object(
        {{"text", Value::String(completion.text)}, {"continuation", Value::String(answer)}}));
  }
  std::vector<Value> messages = text::ParseJson(completion.messages).items();
  messages.push_back(
      Value::Object({{"role", Value::String("assistant")}, {"content", Value::String(answer)}}));
  return text::WriteJson(Value::Object(
      {{"messages", Value::List(std::move(messages))}, {"learn", Value::String("last")}}));
}

}  // namespace

void AnsweredCompletions::Remember(AnsweredCompletion completion) {
  auto kept = std::make_shared<const AnsweredCompletion>(std::move(completion));
  const std::lock_guard lock(mutex_);
  bytes_ += SizeOf(*kept);
  newest_.push_back(kept);
  by_id_.insert_or_assign(kept->id, kept);
  while (newest_.size() > most_ || (bytes_ > most_bytes_ && newest_.size() > 1)) {
    const std::shared_ptr<const AnsweredCompletion> oldest = std::move(newest_.front());
    newest_.pop_front();
    bytes_ -= SizeOf(*oldest);
    const auto known = by_id_.find(oldest->id);
    if (known != by_id_.end() && known->second == oldest) by_id_.erase(known);
  }
}

std::shared_ptr<const AnsweredCompletion> AnsweredCompletions::Find(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto known = by_id_.find(std::string(id));
  return known == by_id_.end() ? nullptr : known->second;
}

std::optional<adapters::NewSample> SampleOf(const AnsweredCompletion& completion,
                                            const Feedback& feedback) {
  CheckFeedback(feedback);
  adapters::NewSample sample{.body = {}, .label = feedback.label.value_or(""), .feedback = true};
  if (feedback.correction) {
    sample.body = BodyOf(completion, *feedback.correction);
    return sample;
  }
  if (feedback.score && *feedback.score <= 0.0) return std::nullopt;
  sample.body = BodyOf(completion, completion.answer);
  if (feedback.score) sample.weight = feedback.score;
  return sample;
}

}  // namespace hyprstream::engine
