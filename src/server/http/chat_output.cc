#include "server/http/chat_output.h"

#include <utility>

#include "server/http/error_reply.h"
#include "server/http/json_fields.h"
#include "server/http/logprobs_form.h"
#include "server/http/openai_form.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;
using Kind = AnswerPart::Kind;

class ChatLater : public LaterReply {
 public:
  ChatLater(Reply reply, AnswerHead head, Answer answer, const ChatOutput& output)
      : reply_(std::move(reply)),
        head_(std::move(head)),
        answer_(std::move(answer)),
        output_(output),
        choices_(answer_.choices()) {}

  void WhenReady(std::function<void()> ready) override { answer_.WhenReady(ready); }

  std::optional<Reply> Take() override {
    while (auto update = answer_.TryNext()) {
      Choice& choice = choices_[update->choice];
      for (AnswerPart& part : update->parts) Keep(choice, std::move(part));
      if (update->token && output_.logprobs) {
        choice.logprobs.push_back(
            TokenLogprobObject(*head_.speaker.model->loaded.tokenizer, *update->token));
      }
      if (update->token) continue;
      if (update->finished.reason == engine::FinishReason::kError) {
        return ErrorReply(*update->finished.error, Dialect::kOpenAi);
      }
      choice.reason = update->finished.reason;
    }
    if (!answer_.finished()) return std::nullopt;
    return Whole();
  }

 private:
  struct Choice {
    std::string content;
    std::string reasoning;
    json::array calls;
    json::array logprobs;
    engine::FinishReason reason = engine::FinishReason::kStop;
  };

  static void Keep(Choice& choice, AnswerPart part) {
    if (part.kind != Kind::kToolCall) {
      (part.kind == Kind::kReasoning ? choice.reasoning : choice.content) += part.text;
      return;
    }
    choice.calls.push_back(
        json::object{{"id", FreshId("call_")},
                     {"type", "function"},
                     {"function", json::object{{"name", part.name}, {"arguments", part.text}}}});
  }

  json::object ChoiceObject(size_t index) {
    Choice& choice = choices_[index];
    const bool called = !choice.calls.empty();
    json::object message{{"role", "assistant"}, {"content", choice.content}, {"refusal", nullptr}};
    if (called && choice.content.empty()) message["content"] = nullptr;
    if (!choice.reasoning.empty()) message["reasoning_content"] = choice.reasoning;
    if (called) message["tool_calls"] = std::move(choice.calls);
    json::object object{{"index", index}, {"message", std::move(message)}, {"logprobs", nullptr}};
    if (output_.logprobs) {
      object["logprobs"] =
          json::object{{"content", std::move(choice.logprobs)}, {"refusal", nullptr}};
    }
    object["finish_reason"] = called ? "tool_calls" : FinishName(choice.reason);
    return object;
  }

  Reply Whole() {
    json::object document = HeadObject(head_, "chat.completion");
    json::array choices;
    for (size_t i = 0; i < choices_.size(); ++i) choices.push_back(ChoiceObject(i));
    document["choices"] = std::move(choices);
    document["usage"] = UsageObject(answer_.usage());
    reply_.body = json::serialize(document);
    return std::move(reply_);
  }

  Reply reply_;
  const AnswerHead head_;
  Answer answer_;
  const ChatOutput output_;
  std::vector<Choice> choices_;
};

}  // namespace

Reply CollectChat(Reply reply, AnswerHead head, Answer answer, const ChatOutput& output) {
  Reply later;
  later.later =
      std::make_unique<ChatLater>(std::move(reply), std::move(head), std::move(answer), output);
  return later;
}

}  // namespace hyprstream::server
