// `debug generate`: ids, a prompt or messages to generated ids and text, through the serving
// engine.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "cli/json_lines.h"
#include "cli/model_run_flags.h"
#include "cli/sampling_flags.h"
#include "cli/session.h"
#include "text/json_value.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

constexpr int32_t kDefaultMaxTokens = 100;

struct GenerateFlags : ModelRunFlags {
  SamplingFlags sampling;
};

/// One line's request in flight, or why there is none.
struct Flight {
  std::unique_ptr<engine::Generation> generation;
  std::optional<Error> error;
};

std::vector<int32_t> PromptOf(const json::object& line, const engine::LoadedModel& loaded) {
  if (line.contains("ids")) return IdsOf(line);
  if (!loaded.prompts) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "the model has no tokenizer", .hint = "give \"ids\""});
  }
  if (line.contains("prompt")) return loaded.prompts->Continuation(TextOf(line, "prompt")).ids;
  const json::value* messages = line.if_contains("messages");
  if (messages == nullptr || !messages->is_array()) {
    throw Error(ErrorCode::kInvalidArgument, {.message = "the line asks for nothing",
                                              .expected = "\"ids\", \"prompt\" or \"messages\""});
  }
  text::ChatInput input;
  input.messages = text::ParseJson(json::serialize(*messages), "messages");
  if (const json::value* kwargs = line.if_contains("kwargs")) {
    input.kwargs = text::ParseJson(json::serialize(*kwargs), "kwargs");
  }
  return loaded.prompts->Chat(input).ids;
}

json::object Collect(engine::Generation& generation, bool has_text) {
  json::array ids;
  std::string text;
  engine::FinishReason reason = engine::FinishReason::kStop;
  while (auto event = generation.Next()) {
    if (const auto* token = std::get_if<engine::TokenEvent>(&*event)) {
      ids.emplace_back(token->id);
      text += token->text;
      continue;
    }
    const auto& finished = std::get<engine::Finished>(*event);
    if (finished.error) throw *finished.error;
    text += finished.text;
    reason = finished.reason;
  }
  return {{"ids", std::move(ids)},
          {"text", has_text ? json::value(text) : json::value(nullptr)},
          {"finish_reason", engine::FinishReasonName(reason)}};
}

int Generate(Shell& shell, const GenerateFlags& flags) {
  Session session(
      shell, flags.model, flags.engine,
      {.tokenizer = engine::TokenizerNeed::kIfPresent, .arithmetic = flags.arithmetic()});
  engine::GenerationRequest request = flags.sampling.ResolvePlain(kDefaultMaxTokens);
  request.adapters = OpenAdapters(flags.adapters, session.loaded().model->config());
  std::vector<Flight> flights;
  for (const InputLine& line : ReadLines()) {
    Flight flight;
    try {
      if (line.error) throw *line.error;
      request.prompt = PromptOf(ParseLine(line.text), session.loaded());
      flight.generation = session.engine().Submit(request);
    } catch (const Error& error) {
      flight.error =
          line.error ? error : error.Within("line " + std::to_string(flights.size() + 1));
    }
    flights.push_back(std::move(flight));
  }
  int status = 0;
  for (Flight& flight : flights) {
    try {
      if (flight.error) throw *flight.error;
      shell.out.Line(
          json::serialize(Collect(*flight.generation, session.loaded().tokenizer != nullptr)));
    } catch (const Error& error) {
      PrintLineError(shell, error);
      status = 1;
    }
  }
  return status;
}

}  // namespace

void AddDebugGenerateVerb(CLI::App& debug, Shell& shell) {
  const auto flags = std::make_shared<GenerateFlags>();
  CLI::App& verb = AddVerb(
      debug, shell, "generate", "{\"ids\"}, {\"prompt\"} or {\"messages\"} lines to generated ids",
      "echo '{\"prompt\": \"One windy morning\"}' | hyprstream debug generate willowbrook -n 20",
      [&shell, flags] { return Generate(shell, *flags); });
  flags->RegisterModel(verb);
  flags->engine.RegisterContext(verb);
  RegisterAdapters(verb, flags->adapters);
  flags->sampling.Register(verb);
}

}  // namespace hyprstream::cli
