// OpenAI's chat completions.
#include <boost/json.hpp>
#include <utility>

#include "base/error.h"
#include "server/http/answer.h"
#include "server/http/app.h"
#include "server/http/chat_input.h"
#include "server/http/chat_output.h"
#include "server/http/openai_form.h"
#include "server/http/quota_http.h"
#include "server/http/response_format.h"
#include "server/http/sampling_input.h"
#include "text/json_value.h"

namespace hyprstream::server {
namespace {

constexpr int64_t kMaxTopLogprobs = 20;

/// -1: none are told.
int32_t ReadLogprobs(const JsonField& body) {
  const bool wanted = body.FindFlag("logprobs").value_or(false);
  const auto top = body.Find("top_logprobs");
  if (!top) return wanted ? 0 : -1;
  const auto count = static_cast<int32_t>(top->Integer(0, kMaxTopLogprobs));
  if (!wanted && count > 0) top->Refuse("top_logprobs only with \"logprobs\": true");
  return wanted ? count : -1;
}

Reply Chat(App& app, Call& call) {
  const boost::json::value document = ParseJsonText(call.request.body);
  const JsonField body(document, "");
  Speaker speaker = app.service.Find(body.Need("model").Text(), ReadLora(body));
  const ServedModel& model = *speaker.model;
  app.Admit(model);
  const bool stream = body.FindFlag("stream").value_or(false);
  const int32_t logprobs = ReadLogprobs(body);
  const ChatOutput output{.include_usage = ReadIncludeUsage(body, stream),
                          .logprobs = logprobs >= 0};
  const int64_t choices = body.FindInteger("n", 1, app.limits.max_choices).value_or(1);

  const text::ChatInput input = ReadChat(body);
  const engine::Prompt prompt = model.loaded.prompts->Chat(input);
  engine::GenerationRequest request = ReadSampling(body, model.defaults);
  request.max_tokens = ReadMaxTokens(body, 1, request.max_tokens);
  request.sampling.logprobs = logprobs;
  request.prompt = prompt.ids;
  request.adapters = speaker.adapters;
  if (auto form = ReadResponseFormat(body)) {
    form->reasoning = ReasoningAfter(prompt.text, model.reasons);
    form->tools = !input.tools.is_none();
    request.constraint = model.forms->Make(*form);
  }

  auto requests = Repeat(request, choices);
  const auto per_prompt = static_cast<size_t>(choices);
  TakeQuota(
      app, call, speaker,
      {.requests = 1, .tokens = MostTokens(requests, per_prompt, model.engine->options().context)});
  Reply reply;
  NameSpeaker(speaker, *call.record, reply.headers);
  AnswerHead head = MakeHead("chatcmpl-", std::move(speaker));
  auto remember = Rememberer(head.speaker, head.id, {.messages = text::WriteJson(input.messages)});
  Answer answer(*model.engine, std::move(requests),
                {.reasoning = engine::ReasoningBegin(prompt.text),
                 .choices_per_prompt = per_prompt,
                 .tools = !input.tools.is_none(),
                 .metrics = model.metrics.get(),
                 .remember = std::move(remember)},
                call.record);
  if (stream) return StreamChat(std::move(reply), std::move(head), std::move(answer), output);
  return CollectChat(std::move(reply), std::move(head), std::move(answer), output);
}

}  // namespace

void AddChatRoutes(Router& router, App& app) {
  router.Add({"POST", "/v1/chat/completions", Access::kUse,
              [&app](Call& call) { return Chat(app, call); }});
}

}  // namespace hyprstream::server
