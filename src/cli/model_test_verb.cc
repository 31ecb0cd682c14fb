// `model test PATH`: loads, generates a few tokens and tells how long it took.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <memory>

#include "cli/answer.h"
#include "cli/document.h"
#include "cli/model_run_flags.h"
#include "cli/sampling_flags.h"
#include "cli/session.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

constexpr int32_t kDefaultTokens = 16;

struct TestFlags {
  std::string model;
  std::string prompt = "Hello";
  std::string format = "table";
  bool as_json = false;
  std::vector<std::string> adapters;
  SamplingFlags sampling;
  EngineFlags engine;
};

int Test(Shell& shell, const TestFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  const auto begin = std::chrono::steady_clock::now();
  Session session(shell, flags.model, flags.engine, {});
  const std::chrono::duration<double> load = std::chrono::steady_clock::now() - begin;
  const engine::LoadedModel& loaded = session.loaded();
  engine::Prompt prompt = loaded.prompts->Continuation(flags.prompt);
  engine::GenerationRequest request = flags.sampling.ResolvePlain(kDefaultTokens);
  request.prompt = prompt.ids;
  request.adapters = OpenAdapters(flags.adapters, loaded.model->config());
  const Answer answer =
      Ask(shell, session.engine(), std::move(request), prompt.text,
          {.when = AnswerView::When::kNever, .reasoning = ReasoningView::kVerbatim});
  json::array tokens;
  for (const int32_t id : answer.ids) tokens.emplace_back(loaded.tokenizer->Spelling(id));
  json::object document = AnswerDocument(answer);
  document["model"] = loaded.name;
  document["prompt"] = flags.prompt;
  document["tokens"] = std::move(tokens);
  document["timing"].as_object()["load_seconds"] = load.count();
  const engine::EngineStats stats = session.engine().Stats();
  document["memory"] = {{"weights", FormatBytes(stats.weights)},
                        {"cache", FormatBytes(stats.cache)},
                        {"scratch", FormatBytes(stats.scratch)}};
  shell.out.Write(Render(document, format));
  return 0;
}

}  // namespace

void AddModelTestVerb(CLI::App& model, Shell& shell) {
  const auto flags = std::make_shared<TestFlags>();
  CLI::App& verb = AddVerb(model, shell, "test", "Load a model and generate a few tokens",
                           "hyprstream model test willowbrook --prompt \"One day\" --max-tokens 4",
                           [&shell, flags] { return Test(shell, *flags); });
  verb.add_option("MODEL", flags->model, "Path or name of a model")->required();
  verb.add_option("--prompt", flags->prompt, "Text to continue");
  RegisterAdapters(verb, flags->adapters);
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
  flags->sampling.Register(verb);
  flags->engine.Register(verb);
}

}  // namespace hyprstream::cli
