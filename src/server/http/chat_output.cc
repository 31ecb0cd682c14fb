#include "server/http/chat_output.h"

#include <utility>

#include "server/http/error_reply.h"
#include "server/http/json_fields.h"
#include "server/http/openai_form.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;
using Kind = AnswerPart::Kind;

/// Chunks are written by hand: everything but the pieces is the same in each.
class ChatStream : public BodySource {
 public:
  ChatStream(AnswerHead head, Answer answer, const ChatOutput& output)
      : answer_(std::move(answer)),
        output_(output),
        begin_("data: " + ChunkBegin(head, "chat.completion.chunk")),
        end_(output.include_usage ? "],\"usage\":null}\n\n" : "]}\n\n"),
        greeted_(answer_.choices(), false) {}

  void WhenReady(std::function<void()> ready) override { answer_.WhenReady(ready); }

  State Take(std::string& out) override {
    while (auto update = answer_.TryNext()) {
      Tell(*update, out);
      if (failed_) return State::kEnd;
    }
    if (!answer_.finished()) return State::kMore;
    if (output_.include_usage) {
      out += begin_ + "],\"usage\":" + json::serialize(UsageObject(answer_.usage())) + "}\n\n";
    }
    out += kSseDone;
    return State::kEnd;
  }

 private:
  void Tell(const AnswerUpdate& update, std::string& out) {
    if (!greeted_[update.choice]) {
      greeted_[update.choice] = true;
      Chunk(update.choice, R"("role":"assistant","content":"")", "null", out);
    }
    for (const AnswerPart& part : update.parts) {
      std::string delta =
          part.kind == Kind::kReasoning ? R"("reasoning_content":)" : R"("content":)";
      AppendJsonString(delta, part.text);
      Chunk(update.choice, delta, "null", out);
    }
    if (update.token) return;
    if (update.finished.reason == engine::FinishReason::kError) {
      failed_ = true;
      out += "data: " + ErrorBody(*update.finished.error, Dialect::kOpenAi) + "\n\n";
      return;
    }
    Chunk(update.choice, "", "\"" + std::string(FinishName(update.finished.reason)) + "\"", out);
  }

  void Chunk(size_t choice, std::string_view delta, std::string_view reason, std::string& out) {
    out.append(begin_).append("{\"index\":").append(std::to_string(choice));
    out.append(",\"delta\":{").append(delta).append("},\"logprobs\":null,\"finish_reason\":");
    out.append(reason).append("}").append(end_);
  }

  Answer answer_;
  const ChatOutput output_;
  const std::string begin_;
  const std::string end_;
  std::vector<bool> greeted_;
  bool failed_ = false;
};

class ChatLater : public LaterReply {
 public:
  ChatLater(Reply reply, AnswerHead head, Answer answer)
      : reply_(std::move(reply)),
        head_(std::move(head)),
        answer_(std::move(answer)),
        choices_(answer_.choices()) {}

  void WhenReady(std::function<void()> ready) override { answer_.WhenReady(ready); }

  std::optional<Reply> Take() override {
    while (auto update = answer_.TryNext()) {
      Choice& choice = choices_[update->choice];
      for (AnswerPart& part : update->parts) {
        (part.kind == Kind::kReasoning ? choice.reasoning : choice.content) += part.text;
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
    engine::FinishReason reason = engine::FinishReason::kStop;
  };

  Reply Whole() {
    json::object document = HeadObject(head_, "chat.completion");
    json::array choices;
    for (size_t i = 0; i < choices_.size(); ++i) {
      json::object message{
          {"role", "assistant"}, {"content", choices_[i].content}, {"refusal", nullptr}};
      if (!choices_[i].reasoning.empty()) message["reasoning_content"] = choices_[i].reasoning;
      choices.push_back(json::object{{"index", i},
                                     {"message", std::move(message)},
                                     {"logprobs", nullptr},
                                     {"finish_reason", FinishName(choices_[i].reason)}});
    }
    document["choices"] = std::move(choices);
    document["usage"] = UsageObject(answer_.usage());
    reply_.body = json::serialize(document);
    return std::move(reply_);
  }

  Reply reply_;
  const AnswerHead head_;
  Answer answer_;
  std::vector<Choice> choices_;
};

}  // namespace

Reply StreamChat(Reply reply, AnswerHead head, Answer answer, const ChatOutput& output) {
  PrepareSse(reply);
  reply.stream = std::make_unique<ChatStream>(std::move(head), std::move(answer), output);
  return reply;
}

Reply CollectChat(Reply reply, AnswerHead head, Answer answer, const ChatOutput&) {
  Reply later;
  later.later = std::make_unique<ChatLater>(std::move(reply), std::move(head), std::move(answer));
  return later;
}

}  // namespace hyprstream::server
