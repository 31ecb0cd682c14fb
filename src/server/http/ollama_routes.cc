// Ollama's routes that generate and embed.
#include <algorithm>
#include <boost/json.hpp>
#include <memory>
#include <utility>

#include "base/error.h"
#include "server/http/answer.h"
#include "server/http/app.h"
#include "server/http/embeddings.h"
#include "server/http/ollama_fit.h"
#include "server/http/ollama_input.h"
#include "server/http/ollama_output.h"
#include "server/http/quota_http.h"
#include "server/http/response_format.h"
#include "server/http/sampling_input.h"
#include "text/json_value.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;
using Form = OllamaOutput::Kind;

/// A request that has been understood, but for its prompt.
struct Asked {
  Speaker speaker;
  engine::GenerationRequest request;
  OllamaOutput output;
  Question question = {};
};

Asked ReadCommon(App& app, const JsonField& body, Form kind) {
  Asked asked{.speaker = app.service.Find(ReadOllamaModel(body), ReadLora(body)),
              .request = {},
              .output = {.kind = kind}};
  app.Admit(*asked.speaker.model);
  asked.request = ReadOllamaOptions(body, *asked.speaker.model);
  asked.request.adapters = asked.speaker.adapters;
  asked.output.stream = body.FindFlag("stream").value_or(true);
  asked.output.logprobs = asked.request.sampling.logprobs >= 0;
  return asked;
}

/// The longest prompt and answer together.
int64_t ContextOf(const Asked& asked) {
  const int64_t most = asked.speaker.model->engine->options().context;
  return asked.request.context > 0 ? std::min(asked.request.context, most) : most;
}

Reply Generate(App& app, Asked asked, Answer::Options options, Call& call) {
  const int64_t context = asked.speaker.model->engine->options().context;
  TakeQuota(app, call, asked.speaker,
            {.requests = 1, .tokens = MostTokens({&asked.request, 1}, 1, context)});
  options.metrics = asked.speaker.model->metrics.get();
  Reply reply;
  NameSpeaker(asked.speaker, *call.record, reply.headers);
  engine::Engine& engine = *asked.speaker.model->engine;
  AnswerHead head = MakeHead("ollama-", std::move(asked.speaker));
  options.remember = Rememberer(head.speaker, head.id, std::move(asked.question));
  Answer answer(engine, {std::move(asked.request)}, std::move(options), call.record);
  return TellOllama(std::move(reply), std::move(head), std::move(answer), std::move(asked.output));
}

/// `prompt`: empty when no template has made it, so that there is no reasoning.
void HoldToForm(const JsonField& body, std::string_view prompt, bool tools, Asked& asked) {
  auto form = ReadOllamaFormat(body);
  if (!form) return;
  const ServedModel& model = *asked.speaker.model;
  form->reasoning = ReasoningAfter(prompt, model.reasons && !prompt.empty());
  form->tools = tools;
  asked.request.constraint = model.forms->Make(*form);
}

Reply Loaded(const JsonField& body, Asked asked, Call& call) {
  Reply reply;
  NameSpeaker(asked.speaker, *call.record, reply.headers);
  return TellOllamaLoaded(std::move(reply), MakeHead("ollama-", std::move(asked.speaker)),
                          asked.output.kind,
                          ReadKeepAlive(body) == KeepAlive::kUnload ? "unload" : "load");
}

Reply GenerateText(App& app, Call& call) {
  const json::value document = ParseJsonText(call.request.body);
  const JsonField body(document, "");
  Asked asked = ReadCommon(app, body, Form::kGenerate);
  if (body.FindText("prompt").value_or("").empty()) return Loaded(body, std::move(asked), call);
  if (const auto suffix = body.FindText("suffix"); suffix && !suffix->empty()) {
    throw Error(ErrorCode::kUnsupported,
                {.message = "the model cannot fill in the middle of a text", .where = "suffix"});
  }
  const engine::PromptBuilder& prompts = *asked.speaker.model->loaded.prompts;
  const bool raw = body.FindFlag("raw").value_or(false);
  const engine::Prompt prompt =
      raw ? prompts.Continuation(body.Need("prompt").Text()) : prompts.Chat(ReadOllamaPrompt(body));
  if (const auto context = body.Find("context")) {
    for (const JsonField& id : context->List()) {
      asked.request.prompt.push_back(static_cast<int32_t>(
          id.Integer(0, asked.speaker.model->loaded.model->config().vocab_size - 1)));
    }
  }
  if (raw) {
    asked.question.text = body.Need("prompt").Text();
  } else {
    asked.question.messages = text::WriteJson(ReadOllamaPrompt(body).messages);
  }
  asked.request.prompt.insert(asked.request.prompt.end(), prompt.ids.begin(), prompt.ids.end());
  asked.output.context = asked.request.prompt;
  HoldToForm(body, raw ? std::string_view() : std::string_view(prompt.text), false, asked);
  Answer::Options options;
  if (!raw) options.reasoning = engine::ReasoningBegin(prompt.text);
  return Generate(app, std::move(asked), options, call);
}

Reply GenerateChat(App& app, Call& call) {
  const json::value document = ParseJsonText(call.request.body);
  const JsonField body(document, "");
  Asked asked = ReadCommon(app, body, Form::kChat);
  const auto messages = body.Find("messages");
  if (!messages || messages->List().empty()) return Loaded(body, std::move(asked), call);
  text::ChatInput input = ReadOllamaChat(body);
  const engine::PromptBuilder& prompts = *asked.speaker.model->loaded.prompts;
  const engine::Prompt prompt = body.FindFlag("truncate").value_or(true)
                                    ? FitChat(prompts, input, ContextOf(asked))
                                    : prompts.Chat(input);
  asked.request.prompt = prompt.ids;
  asked.question.messages = text::WriteJson(input.messages);
  HoldToForm(body, prompt.text, !input.tools.is_none(), asked);
  return Generate(
      app, std::move(asked),
      {.reasoning = engine::ReasoningBegin(prompt.text), .tools = !input.tools.is_none()}, call);
}

/// kMany: /api/embed; kOne: the older /api/embeddings.
enum class EmbedForm { kMany, kOne };

Reply Embed(App& app, Call& call, EmbedForm form) {
  const auto begin = std::chrono::steady_clock::now();
  const json::value document = ParseJsonText(call.request.body);
  const JsonField body(document, "");
  auto speaker =
      std::make_shared<const Speaker>(app.service.Find(ReadOllamaModel(body), ReadLora(body)));
  const int64_t hidden = speaker->model->loaded.model->config().hidden_size;
  const auto dimensions = body.FindInteger("dimensions", 1, hidden);
  auto inputs = std::make_shared<std::vector<TokenInput>>(
      ReadTokenInputs(body.Need(form == EmbedForm::kMany ? "input" : "prompt"), *speaker->model,
                      ForWhat::kEmbedding));
  if (body.FindFlag("truncate").value_or(true)) {
    const auto context = static_cast<size_t>(speaker->model->engine->options().context);
    for (TokenInput& input : *inputs) {
      if (input.ids.size() > context) input.ids.resize(context);
    }
  }
  TakeQuota(app, call, *speaker, {.requests = 1, .tokens = TokensOf(*inputs)});
  call.record->prompt_tokens = TokensOf(*inputs);
  Headers headers;
  NameSpeaker(*speaker, *call.record, headers);
  return app.side_work.Later(
      [=](ops::Context& context, const std::atomic<bool>& called_off) {
        const Embeddings made =
            ComputeEmbeddings(context, *speaker, *inputs, dimensions, called_off);
        json::array vectors;
        for (const auto& vector : made.vectors) {
          vectors.push_back(json::array(vector.begin(), vector.end()));
        }
        json::object answer;
        if (form == EmbedForm::kOne) {
          answer["embedding"] = std::move(vectors.front());
        } else {
          const auto total = std::chrono::steady_clock::now() - begin;
          answer = {{"model", speaker->name},
                    {"embeddings", std::move(vectors)},
                    {"total_duration",
                     std::chrono::duration_cast<std::chrono::nanoseconds>(total).count()},
                    {"load_duration", 0},
                    {"prompt_eval_count", made.tokens}};
        }
        return Reply{.headers = headers, .body = json::serialize(answer)};
      },
      Dialect::kOllama);
}

}  // namespace

void AddOllamaRoutes(Router& router, App& app) {
  router.Add({"POST", "/api/generate", Access::kUse,
              [&app](Call& call) { return GenerateText(app, call); }});
  router.Add(
      {"POST", "/api/chat", Access::kUse, [&app](Call& call) { return GenerateChat(app, call); }});
  router.Add({"POST", "/api/embed", Access::kUse,
              [&app](Call& call) { return Embed(app, call, EmbedForm::kMany); }});
  router.Add({"POST", "/api/embeddings", Access::kUse,
              [&app](Call& call) { return Embed(app, call, EmbedForm::kOne); }});
}

}  // namespace hyprstream::server
