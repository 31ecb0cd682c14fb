#include <utility>

#include "server/http/chat_output.h"
#include "server/http/error_reply.h"
#include "server/http/json_fields.h"
#include "server/http/logprobs_form.h"
#include "server/http/openai_form.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;
using Kind = AnswerPart::Kind;

/// Chunks are written by hand: everything but the pieces is the same in each.
class ChatStream : public BodySource {
 public:
  ChatStream(const AnswerHead& head, Answer answer, const ChatOutput& output)
      : answer_(std::move(answer)),
        output_(output),
        tokenizer_(head.speaker.model->loaded.tokenizer),
        begin_("data: " + ChunkBegin(head, "chat.completion.chunk")),
        end_(output.include_usage ? "],\"usage\":null}\n\n" : "]}\n\n"),
        choices_(answer_.choices()) {}

  void WhenReady(std::function<void()> ready) override { answer_.WhenReady(ready); }

  State Take(std::string& out) override {
    while (auto update = answer_.TryNext()) {
      if (!Tell(*update, out)) return State::kEnd;
    }
    if (!answer_.finished()) return State::kMore;
    if (output_.include_usage) {
      out += begin_ + "],\"usage\":" + json::serialize(UsageObject(answer_.usage())) + "}\n\n";
    }
    out += kSseDone;
    return State::kEnd;
  }

 private:
  struct Choice {
    bool greeted = false;
    bool called = false;
    json::array logprobs = {};  // of tokens whose text is not told yet
  };

  /// False: the answer has failed.
  bool Tell(const AnswerUpdate& update, std::string& out) {
    Choice& choice = choices_[update.choice];
    if (!std::exchange(choice.greeted, true)) {
      Chunk(update.choice, R"("role":"assistant","content":"")", "null", out);
    }
    if (update.token && output_.logprobs) {
      choice.logprobs.push_back(TokenLogprobObject(*tokenizer_, *update.token));
    }
    for (const AnswerPart& part : update.parts) TellPart(update.choice, part, out);
    if (update.token) return true;
    const engine::Finished& finished = update.finished;
    if (finished.reason == engine::FinishReason::kError) {
      out += "data: " + ErrorBody(*finished.error, Dialect::kOpenAi) + "\n\n";
      return false;
    }
    const auto reason = choice.called ? "tool_calls" : FinishName(finished.reason);
    Chunk(update.choice, "", "\"" + std::string(reason) + "\"", out);
    return true;
  }

  void TellPart(size_t index, const AnswerPart& part, std::string& out) {
    if (part.kind == Kind::kToolCall) {
      std::string delta;
      choices_[index].called = true;
      const std::string call = std::to_string(part.call);
      delta = R"("tool_calls":[{"index":)" + call + R"(,"id":")" + FreshId("call_") +
              R"(","type":"function","function":{"name":)";
      AppendJsonString(delta, part.name);
      Chunk(index, delta + R"(,"arguments":""}}])", "null", out);
      delta = R"("tool_calls":[{"index":)" + call + R"(,"function":{"arguments":)";
      AppendJsonString(delta, part.text);
      delta += "}}]";
      Chunk(index, delta, "null", out);
      return;
    }
    Begin(index, out);
    out += part.kind == Kind::kReasoning ? R"("reasoning_content":)" : R"("content":)";
    AppendJsonString(out, part.text);
    End(index, "null", out);
  }

  void Chunk(size_t index, std::string_view delta, std::string_view reason, std::string& out) {
    Begin(index, out);
    out.append(delta);
    End(index, reason, out);
  }

  void Begin(size_t index, std::string& out) const {
    out.append(begin_).append("{\"index\":").append(std::to_string(index));
    out.append(",\"delta\":{");
  }

  void End(size_t index, std::string_view reason, std::string& out) {
    out.append("},\"logprobs\":");
    json::array& waiting = choices_[index].logprobs;
    if (waiting.empty()) {
      out += "null";
    } else {
      out += json::serialize(
          json::object{{"content", std::exchange(waiting, {})}, {"refusal", nullptr}});
    }
    out.append(",\"finish_reason\":").append(reason).append("}").append(end_);
  }

  Answer answer_;
  const ChatOutput output_;
  const std::shared_ptr<const text::Tokenizer> tokenizer_;
  const std::string begin_;
  const std::string end_;
  std::vector<Choice> choices_;
};

}  // namespace

Reply StreamChat(Reply reply, AnswerHead head, Answer answer, const ChatOutput& output) {
  PrepareSse(reply);
  reply.stream = std::make_unique<ChatStream>(head, std::move(answer), output);
  return reply;
}

}  // namespace hyprstream::server
