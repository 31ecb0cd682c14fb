#include "server/http/ollama_output.h"

#include <array>
#include <cstdio>
#include <ctime>
#include <utility>

#include "server/http/error_reply.h"
#include "server/http/json_fields.h"
#include "server/http/logprobs_form.h"
#include "server/http/openai_form.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;
using Kind = AnswerPart::Kind;
using Form = OllamaOutput::Kind;

/// What has come since the last line, or in all.
struct Gathered {
  std::string content;
  std::string thinking;
  json::array calls;
  json::array logprobs;
  bool empty() const { return content.empty() && thinking.empty() && calls.empty(); }
};

class Teller {
 public:
  Teller(AnswerHead head, OllamaOutput output)
      : head_(std::move(head)), output_(std::move(output)) {}

  const OllamaOutput& output() const { return output_; }

  void Keep(AnswerUpdate& update, Gathered& into) {
    for (AnswerPart& part : update.parts) {
      if (part.kind == Kind::kToolCall) {
        into.calls.push_back(CallObject(part));
      } else {
        (part.kind == Kind::kReasoning ? into.thinking : into.content) += part.text;
      }
    }
    if (!update.token) return;
    if (output_.kind == Form::kGenerate) output_.context.push_back(update.token->id);
    if (!output_.logprobs) return;
    into.logprobs.push_back(
        TokenLogprobObject(*head_.speaker.model->loaded.tokenizer, *update.token));
  }

  json::object Line(Gathered gathered) const {
    json::object line{{"model", head_.speaker.name},
                      {"created_at", Rfc3339(std::chrono::system_clock::now())}};
    if (output_.kind == Form::kGenerate) {
      line["response"] = std::move(gathered.content);
      if (!gathered.thinking.empty()) line["thinking"] = std::move(gathered.thinking);
    } else {
      json::object message{{"role", "assistant"}, {"content", std::move(gathered.content)}};
      if (!gathered.thinking.empty()) message["thinking"] = std::move(gathered.thinking);
      if (!gathered.calls.empty()) message["tool_calls"] = std::move(gathered.calls);
      line["message"] = std::move(message);
    }
    line["done"] = false;
    if (!gathered.logprobs.empty()) line["logprobs"] = std::move(gathered.logprobs);
    return line;
  }

  /// Makes `line` the last one.
  void End(json::object& line, const engine::Finished& finished) const {
    const auto nanoseconds = [](auto duration) {
      return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
    };
    const engine::Usage& usage = finished.usage;
    line["done"] = true;
    line["done_reason"] = FinishName(finished.reason);
    if (output_.kind == Form::kGenerate) {
      line["context"] = json::array(output_.context.begin(), output_.context.end());
    }
    line["total_duration"] = nanoseconds(std::chrono::steady_clock::now() - output_.begin);
    line["load_duration"] = 0;
    line["prompt_eval_count"] = usage.prompt_tokens;
    line["prompt_eval_duration"] = nanoseconds(usage.prefill);
    line["eval_count"] = usage.generated_tokens;
    line["eval_duration"] = nanoseconds(usage.decode);
    line["system_fingerprint"] = head_.fingerprint;
    line["id"] = head_.id;
  }

 private:
  static json::object CallObject(const AnswerPart& part) {
    json::value arguments;
    try {
      arguments = ParseJsonText(part.text);
    } catch (const Error&) {
      arguments = json::string(part.text);
    }
    return {{"id", FreshId("call_")},
            {"function",
             json::object{
                 {"index", part.call}, {"name", part.name}, {"arguments", std::move(arguments)}}}};
  }

  const AnswerHead head_;
  OllamaOutput output_;
};

class OllamaStream : public BodySource {
 public:
  OllamaStream(Teller teller, Answer answer)
      : teller_(std::move(teller)), answer_(std::move(answer)) {}

  void WhenReady(std::function<void()> ready) override { answer_.WhenReady(ready); }

  State Take(std::string& out) override {
    while (auto update = answer_.TryNext()) {
      teller_.Keep(*update, gathered_);
      if (update->token) {
        if (!gathered_.empty()) Write(teller_.Line(std::exchange(gathered_, {})), out);
        continue;
      }
      if (update->finished.reason == engine::FinishReason::kError) {
        out += ErrorBody(*update->finished.error, Dialect::kOllama) + "\n";
        return State::kEnd;
      }
      if (!gathered_.empty()) Write(teller_.Line(std::exchange(gathered_, {})), out);
      json::object line = teller_.Line(std::exchange(gathered_, {}));
      teller_.End(line, update->finished);
      Write(line, out);
      return State::kEnd;
    }
    return State::kMore;
  }

 private:
  static void Write(const json::object& line, std::string& out) {
    out += json::serialize(line);
    out += '\n';
  }

  Teller teller_;
  Answer answer_;
  Gathered gathered_;
};

class OllamaLater : public LaterReply {
 public:
  OllamaLater(Reply reply, Teller teller, Answer answer)
      : reply_(std::move(reply)), teller_(std::move(teller)), answer_(std::move(answer)) {}

  void WhenReady(std::function<void()> ready) override { answer_.WhenReady(ready); }

  std::optional<Reply> Take() override {
    while (auto update = answer_.TryNext()) {
      teller_.Keep(*update, gathered_);
      if (update->token) continue;
      if (update->finished.reason == engine::FinishReason::kError) {
        return ErrorReply(*update->finished.error, Dialect::kOllama);
      }
      json::object line = teller_.Line(std::move(gathered_));
      teller_.End(line, update->finished);
      reply_.body = json::serialize(line);
      return std::move(reply_);
    }
    return std::nullopt;
  }

 private:
  Reply reply_;
  Teller teller_;
  Answer answer_;
  Gathered gathered_;
};

}  // namespace

Reply TellOllama(Reply reply, AnswerHead head, Answer answer, OllamaOutput output) {
  Teller teller(std::move(head), std::move(output));
  if (teller.output().stream) {
    reply.content_type = "application/x-ndjson";
    reply.stream = std::make_unique<OllamaStream>(std::move(teller), std::move(answer));
    return reply;
  }
  Reply later;
  later.later =
      std::make_unique<OllamaLater>(std::move(reply), std::move(teller), std::move(answer));
  return later;
}

Reply TellOllamaLoaded(Reply reply, const AnswerHead& head, OllamaOutput::Kind kind,
                       const char* reason) {
  json::object line = Teller(head, {.kind = kind}).Line({});
  line["done"] = true;
  line["done_reason"] = reason;
  reply.body = json::serialize(line);
  return reply;
}

std::string Rfc3339(std::chrono::system_clock::time_point time) {
  const auto since = time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since);
  const std::time_t whole = seconds.count();
  std::tm utc{};
  gmtime_r(&whole, &utc);
  std::array<char, 32> text{};
  const size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 16> fraction{};
  const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(since - seconds).count();
  std::snprintf(fraction.data(), fraction.size(), ".%09ldZ", static_cast<long>(rest));
  return std::string(text.data(), length) + fraction.data();
}

}  // namespace hyprstream::server
