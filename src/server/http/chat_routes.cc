// OpenAI's chat completions.
#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "base/error.h"
#include "server/http/answer.h"
#include "server/http/app.h"
#include "server/http/chat_input.h"
#include "server/http/chat_output.h"
#include "server/http/error_reply.h"
#include "server/http/sampling_input.h"

namespace hyprstream::server {
namespace {

int32_t ReadMaxTokens(const JsonField& body, int32_t otherwise) {
  constexpr int64_t kMost = std::numeric_limits<int32_t>::max();
  for (const char* name : {"max_completion_tokens", "max_tokens"}) {
    if (const auto value = body.FindInteger(name, 1, kMost)) return static_cast<int32_t>(*value);
  }
  return otherwise;
}

bool ReadIncludeUsage(const JsonField& body, bool stream) {
  const auto options = body.Find("stream_options");
  if (!options) return false;
  const bool wanted = options->FindFlag("include_usage").value_or(false);
  if (!stream) options->Refuse("stream_options only with \"stream\": true");
  return wanted;
}

std::vector<engine::GenerationRequest> Repeat(const engine::GenerationRequest& request,
                                              int64_t count) {
  std::vector<engine::GenerationRequest> requests(static_cast<size_t>(count), request);
  if (!request.sampling.seed) return requests;
  for (size_t i = 0; i < requests.size(); ++i) *requests[i].sampling.seed += i;
  return requests;
}

Reply Chat(App& app, Call& call) {
  const boost::json::value document = ParseJsonText(call.request.body);
  const JsonField body(document, "");
  Speaker speaker = app.service.Find(body.Need("model").Text(), ReadLora(body));
  const ServedModel& model = *speaker.model;
  app.Admit(model);
  const bool stream = body.FindFlag("stream").value_or(false);
  ChatOutput output{.include_usage = ReadIncludeUsage(body, stream)};
  const int64_t choices = body.FindInteger("n", 1, app.limits.max_choices).value_or(1);

  const engine::Prompt prompt = model.loaded.prompts->Chat(ReadChat(body));
  engine::GenerationRequest request = ReadSampling(body, model.defaults);
  request.max_tokens = ReadMaxTokens(body, request.max_tokens);
  request.prompt = prompt.ids;
  request.adapters = speaker.adapters;

  Reply reply;
  NameSpeaker(speaker, *call.record, reply.headers);
  AnswerHead head{.id = FreshId("chatcmpl-"),
                  .created = UnixSeconds(),
                  .speaker = std::move(speaker),
                  .fingerprint = {}};
  head.fingerprint = head.speaker.fingerprint();
  Answer answer(*model.engine, Repeat(request, choices),
                {.reasoning = engine::ReasoningBegin(prompt.text),
                 .choices_per_prompt = static_cast<size_t>(choices)},
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
