// OpenAI's completions: text continued as it is.
#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/error.h"
#include "engine/reading.h"
#include "server/http/answer.h"
#include "server/http/app.h"
#include "server/http/completion_output.h"
#include "server/http/error_reply.h"
#include "server/http/openai_form.h"
#include "server/http/quota_http.h"
#include "server/http/sampling_input.h"
#include "server/http/token_input.h"

namespace hyprstream::server {
namespace {

constexpr int32_t kDefaultTokens = 16;
constexpr int64_t kMaxLogprobs = 20;

struct Counts {
  int64_t choices = 1;  // told of each prompt
  int64_t made = 1;     // made for each prompt, of which the best are told
};

Counts ReadCounts(const JsonField& body, const App& app, bool stream) {
  Counts counts;
  counts.choices = body.FindInteger("n", 1, app.limits.max_choices).value_or(1);
  counts.made = counts.choices;
  if (const auto best = body.Find("best_of")) {
    counts.made = best->Integer(counts.choices, app.limits.max_choices);
    if (stream && counts.made > counts.choices) best->Refuse("no more than n when streaming");
  }
  return counts;
}

/// A request that has been understood.
struct Asked {
  Speaker speaker;
  std::vector<engine::GenerationRequest> requests;
  Counts counts;
  CompletionOutput output;
  std::string prompt;  // the first
  bool stream = false;
  Headers headers;
  std::shared_ptr<RequestRecord> record;
};

Reply Generate(Asked asked) {
  engine::Engine& engine = *asked.speaker.model->engine;
  ModelMetrics* const metrics = asked.speaker.model->metrics.get();
  Reply reply{.headers = std::move(asked.headers)};
  AnswerHead head = MakeHead("cmpl-", std::move(asked.speaker));
  auto remember = Rememberer(head.speaker, head.id, {.text = std::move(asked.prompt)});
  Answer answer(engine, std::move(asked.requests),
                {.reasoning = {},
                 .choices_per_prompt = static_cast<size_t>(asked.counts.made),
                 .metrics = metrics,
                 .remember = std::move(remember)},
                asked.record);
  return asked.stream ? StreamCompletion(std::move(reply), std::move(head), std::move(answer),
                                         std::move(asked.output))
                      : CollectCompletion(std::move(reply), std::move(head), std::move(answer),
                                          std::move(asked.output));
}

/// What the model thinks of the prompts comes before what it adds to them.
Reply ScoreThenGenerate(App& app, Asked asked) {
  int64_t tokens = 0;  // that are read whether or not the client waits for more
  for (const PromptEcho& echo : asked.output.echoes) tokens += std::ssize(echo.ids);
  asked.record->prompt_tokens = tokens;
  const auto shared = std::make_shared<Asked>(std::move(asked));
  return app.side_work.Later(
      [shared](ops::Context& context, const std::atomic<bool>& called_off) {
        for (PromptEcho& echo : shared->output.echoes) {
          if (called_off) throw Error(ErrorCode::kCancelled, {.message = "nobody waits any more"});
          echo.scores = engine::ScoreTokens(context, *shared->speaker.model->loaded.model, echo.ids,
                                            static_cast<int32_t>(*shared->output.logprobs),
                                            {.adapters = shared->speaker.adapters});
        }
        return Generate(std::move(*shared));
      },
      Dialect::kOpenAi);
}

/// Fills in the requests and, when they are wanted, the echoes.
void ReadPrompts(const JsonField& body, const App& app, Asked& asked) {
  const ServedModel& model = *asked.speaker.model;
  const JsonField field = body.Need("prompt");
  std::vector<TokenInput> prompts = ReadTokenInputs(field, model, ForWhat::kContinuing);
  if (static_cast<int64_t>(prompts.size()) * asked.counts.made > app.limits.max_choices) {
    field.Refuse("at most " + std::to_string(app.limits.max_choices) +
                 " completions in one request");
  }
  engine::GenerationRequest request = ReadSampling(body, model.defaults);
  request.max_tokens = ReadMaxTokens(body, 0, kDefaultTokens);
  request.adapters = asked.speaker.adapters;
  if (asked.output.logprobs) {
    request.sampling.logprobs = static_cast<int32_t>(*asked.output.logprobs);
  } else if (asked.counts.made > asked.counts.choices) {
    request.sampling.logprobs = 0;  // to rank by
  }
  asked.prompt = prompts.front().text;
  const bool echo = body.FindFlag("echo").value_or(false);
  for (TokenInput& prompt : prompts) {
    request.prompt = prompt.ids;
    for (engine::GenerationRequest& one : Repeat(request, asked.counts.made)) {
      asked.requests.push_back(std::move(one));
    }
    if (!echo) continue;
    asked.output.echoes.push_back({.text = std::move(prompt.text), .ids = std::move(prompt.ids)});
  }
}

Reply Complete(App& app, Call& call) {
  const boost::json::value document = ParseJsonText(call.request.body);
  const JsonField body(document, "");
  Asked asked{.speaker = app.service.Find(body.Need("model").Text(), ReadLora(body)),
              .requests = {},
              .counts = {},
              .output = {},
              .prompt = {},
              .stream = body.FindFlag("stream").value_or(false),
              .headers = {},
              .record = call.record};
  app.Admit(*asked.speaker.model);
  asked.output.include_usage = ReadIncludeUsage(body, asked.stream);
  asked.output.logprobs = body.FindInteger("logprobs", 0, kMaxLogprobs);
  asked.counts = ReadCounts(body, app, asked.stream);
  asked.output.choices_per_prompt = static_cast<size_t>(asked.counts.choices);
  ReadPrompts(body, app, asked);
  const auto made = static_cast<size_t>(asked.counts.made);
  const int64_t context = asked.speaker.model->engine->options().context;
  TakeQuota(app, call, asked.speaker,
            {.requests = 1, .tokens = MostTokens(asked.requests, made, context)});
  NameSpeaker(asked.speaker, *call.record, asked.headers);
  const bool scored = !asked.output.echoes.empty() && asked.output.logprobs;
  return scored ? ScoreThenGenerate(app, std::move(asked)) : Generate(std::move(asked));
}

}  // namespace

void AddCompletionRoutes(Router& router, App& app) {
  router.Add({"POST", "/v1/completions", Access::kUse,
              [&app](Call& call) { return Complete(app, call); }});
}

}  // namespace hyprstream::server
