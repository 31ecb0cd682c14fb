#include "server/http/completion_output.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "server/http/error_reply.h"
#include "server/http/json_fields.h"
#include "server/http/logprobs_form.h"
#include "server/http/openai_form.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;

void AddEcho(const PromptEcho& echo, LogprobLists& lists) {
  for (size_t i = 0; i < echo.scores.size(); ++i) {
    lists.Add(echo.ids[i], echo.scores[i].logprob, echo.scores[i].top);
  }
}

std::string TextOf(const AnswerUpdate& update) {
  std::string text;
  for (const AnswerPart& part : update.parts) text += part.text;
  return text;
}

class CompletionStream : public BodySource {
 public:
  CompletionStream(const AnswerHead& head, Answer answer, CompletionOutput output)
      : answer_(std::move(answer)),
        output_(std::move(output)),
        begin_("data: " + ChunkBegin(head, "text_completion")),
        end_(output_.include_usage ? "],\"usage\":null}\n\n" : "]}\n\n"),
        tokenizer_(head.speaker.model->loaded.tokenizer),
        choices_(answer_.choices(), Choice{LogprobLists(*tokenizer_)}) {}

  void WhenReady(std::function<void()> ready) override { answer_.WhenReady(ready); }

  State Take(std::string& out) override {
    if (!std::exchange(echoed_, true)) Echo(out);
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
    LogprobLists logprobs;  // of tokens whose text is not told yet
  };

  void Echo(std::string& out) {
    if (output_.echoes.empty()) return;
    for (size_t i = 0; i < choices_.size(); ++i) {
      const PromptEcho& echo = output_.echoes[i / output_.choices_per_prompt];
      AddEcho(echo, choices_[i].logprobs);
      Chunk(i, echo.text, "null", out);
    }
  }

  /// False: the answer has failed.
  bool Tell(const AnswerUpdate& update, std::string& out) {
    Choice& choice = choices_[update.choice];
    if (update.token && output_.logprobs) {
      choice.logprobs.Add(update.token->id, update.token->logprob, update.token->top);
    }
    const std::string text = TextOf(update);
    if (update.token) {
      if (!text.empty()) Chunk(update.choice, text, "null", out);
      return true;
    }
    if (update.finished.reason == engine::FinishReason::kError) {
      out += "data: " + ErrorBody(*update.finished.error, Dialect::kOpenAi) + "\n\n";
      return false;
    }
    Chunk(update.choice, text, "\"" + std::string(FinishName(update.finished.reason)) + "\"", out);
    return true;
  }

  void Chunk(size_t index, std::string_view text, std::string_view reason, std::string& out) {
    out.append(begin_).append("{\"index\":").append(std::to_string(index)).append(",\"text\":");
    AppendJsonString(out, text);
    LogprobLists& waiting = choices_[index].logprobs;
    out.append(",\"logprobs\":");
    out += waiting.empty() ? "null" : json::serialize(waiting.Take());
    out.append(",\"finish_reason\":").append(reason).append("}").append(end_);
  }

  Answer answer_;
  const CompletionOutput output_;
  const std::string begin_;
  const std::string end_;
  const std::shared_ptr<const text::Tokenizer> tokenizer_;
  std::vector<Choice> choices_;
  bool echoed_ = false;
};

class CompletionLater : public LaterReply {
 public:
  CompletionLater(Reply reply, AnswerHead head, Answer answer, CompletionOutput output)
      : reply_(std::move(reply)),
        head_(std::move(head)),
        answer_(std::move(answer)),
        output_(std::move(output)),
        choices_(answer_.choices(), Choice{LogprobLists(*head_.speaker.model->loaded.tokenizer)}) {
    for (size_t i = 0; i < choices_.size() && !output_.echoes.empty(); ++i) {
      const PromptEcho& echo = output_.echoes[i / made_per_prompt()];
      choices_[i].text = echo.text;
      AddEcho(echo, choices_[i].logprobs);
    }
  }

  void WhenReady(std::function<void()> ready) override { answer_.WhenReady(ready); }

  std::optional<Reply> Take() override {
    while (auto update = answer_.TryNext()) {
      Choice& choice = choices_[update->choice];
      choice.text += TextOf(*update);
      if (update->token) {
        Count(choice, *update->token);
        continue;
      }
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
    LogprobLists logprobs;
    std::string text = {};
    double logprob_sum = 0;
    int64_t tokens = 0;
    engine::FinishReason reason = engine::FinishReason::kStop;
    double mean() const { return tokens == 0 ? 0 : logprob_sum / static_cast<double>(tokens); }
  };

  size_t made_per_prompt() const { return answer_.choices_per_prompt(); }

  void Count(Choice& choice, const engine::TokenEvent& token) {
    choice.logprob_sum += static_cast<double>(token.logprob.value_or(0.0f));
    ++choice.tokens;
    if (output_.logprobs) choice.logprobs.Add(token.id, token.logprob, token.top);
  }

  /// Of each prompt's the likeliest by token, in their order.
  std::vector<size_t> Told() const {
    std::vector<size_t> told;
    for (size_t begin = 0; begin < choices_.size(); begin += made_per_prompt()) {
      std::vector<size_t> made(made_per_prompt());
      std::iota(made.begin(), made.end(), begin);
      std::ranges::stable_sort(
          made, [&](size_t a, size_t b) { return choices_[a].mean() > choices_[b].mean(); });
      made.resize(output_.choices_per_prompt);
      std::ranges::sort(made);
      told.insert(told.end(), made.begin(), made.end());
    }
    return told;
  }

  Reply Whole() {
    json::object document = HeadObject(head_, "text_completion");
    json::array choices;
    for (const size_t index : Told()) {
      Choice& choice = choices_[index];
      json::object object{{"text", choice.text}, {"index", choices.size()}, {"logprobs", nullptr}};
      if (output_.logprobs) object["logprobs"] = choice.logprobs.Take();
      object["finish_reason"] = FinishName(choice.reason);
      choices.push_back(std::move(object));
    }
    document["choices"] = std::move(choices);
    document["usage"] = UsageObject(answer_.usage());
    reply_.body = json::serialize(document);
    return std::move(reply_);
  }

  Reply reply_;
  const AnswerHead head_;
  Answer answer_;
  const CompletionOutput output_;
  std::vector<Choice> choices_;
};

}  // namespace

Reply StreamCompletion(Reply reply, AnswerHead head, Answer answer, CompletionOutput output) {
  PrepareSse(reply);
  reply.stream = std::make_unique<CompletionStream>(head, std::move(answer), std::move(output));
  return reply;
}

Reply CollectCompletion(Reply reply, AnswerHead head, Answer answer, CompletionOutput output) {
  Reply later;
  later.later = std::make_unique<CompletionLater>(std::move(reply), std::move(head),
                                                  std::move(answer), std::move(output));
  return later;
}

}  // namespace hyprstream::server
