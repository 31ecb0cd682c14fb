#include "cli/ask_flags.h"
#include "cli/document.h"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>

#include "base/log.h"
#include "cli/model_package.h"
#include "cli/model_run_flags.h"

namespace hyprstream::cli {

void AskFlags::Register(CLI::App& verb) {
  sampling.Register(verb);
  engine.Register(verb);
  verb.add_option("--system", system, "System message");
  RegisterAdapters(verb, adapters);
  verb.add_option("--history", history, "Begin with the conversation in FILE")->type_name("FILE");
  verb.add_option("--save-history", save_history, "Write the conversation to FILE")
      ->type_name("FILE");
  verb.add_flag("--stream,!--no-stream", stream, "Show the answer as it is made (default)");
  verb.add_flag_callback(
      "--think", [this] { think = true; }, "Let the model reason first and show it");
  verb.add_flag_callback(
      "--no-think", [this] { think = false; }, "Ask for no reasoning");
  verb.add_flag("--raw", raw, "Continue the text as it is, without the chat template");
  verb.add_flag("--json", json, "Print a JSON document instead of text");
  verb.add_flag("--profile", profile, "Tell where the time went");
}

Asker::Asker(Shell& shell, const AskFlags& flags, int32_t default_max_tokens)
    : shell_(shell),
      flags_(flags),
      session_(shell, flags.model, flags.engine,
               {.profiling = flags.profile ? Session::Profiling::kOn : Session::Profiling::kOff}),
      request_(
          flags.sampling.Resolve(shell.settings, session_.loaded().defaults, default_max_tokens)) {
  AddParameters(session_.parameters(), flags.sampling, shell.settings, request_);
  request_.adapters =
      engine::OpenPackageAdapters(session_.package(), session_.loaded().model->config());
  for (engine::AdapterChoice& choice :
       OpenAdapters(flags.adapters, session_.loaded().model->config())) {
    request_.adapters.push_back(std::move(choice));
  }
  if (!flags.history.empty()) conversation_.Load(flags.history);
  const std::optional<std::string> system =
      flags.system ? flags.system : shell.settings.Text("sampling.system");
  if (system && !system->empty()) conversation_.SetSystem(*system);
  if (session_.loaded().prompts->source() == engine::PromptBuilder::Source::kPlain && !flags.raw) {
    LogInfo("the model has no chat template; messages are given to it as plain text");
  }
}

AnswerView Asker::View() const {
  AnswerView view;
  view.when = flags_.json     ? AnswerView::When::kNever
              : flags_.stream ? AnswerView::When::kAsItComes
                              : AnswerView::When::kAtTheEnd;
  const bool show = flags_.think.value_or(shell_.terminal.output);
  view.reasoning = show ? ReasoningView::kShow : ReasoningView::kHide;
  return view;
}

Answer Asker::Say(const std::string& message) {
  conversation_.Add("user", message);
  std::vector<std::pair<std::string, text::Value>> kwargs;
  const std::optional<bool> think =
      flags_.think ? flags_.think : shell_.settings.Boolean("sampling.think");
  if (think) kwargs.emplace_back("enable_thinking", text::Value::Bool(*think));
  Answer answer;
  try {
    text::ChatInput input;
    input.messages = conversation_.AsValue();
    input.kwargs = text::Value::Object(std::move(kwargs));
    answer = Ask(session_.loaded().prompts->Chat(input));
  } catch (const Error&) {
    conversation_.Undo();
    throw;
  }
  conversation_.Add("assistant", answer.text);
  if (!flags_.save_history.empty()) conversation_.Save(flags_.save_history, model_name());
  return answer;
}

Answer Asker::Continue(const std::string& text) {
  return Ask(session_.loaded().prompts->Continuation(text));
}

Answer Asker::Ask(engine::Prompt prompt) {
  engine::GenerationRequest request = request_;
  request.prompt = std::move(prompt.ids);
  AnswerView view = View();
  if (flags_.raw) view.reasoning = ReasoningView::kVerbatim;
  shell_.profile.Lap("build prompt");
  Answer answer = cli::Ask(shell_, session_.engine(), std::move(request), prompt.text, view);
  LapEngine();
  ReportProblems(answer);
  return answer;
}

void Asker::ReportProblems(const Answer& answer) const {
  if (answer.interrupted && shell_.terminal.errors) std::fputs("(stopped)\n", stderr);
  if (!flags_.json && !answer.interrupted && answer.text.empty() && !answer.reasoning.empty()) {
    LogWarning("the answer ended while the model was still reasoning; raise --max-tokens");
  }
}

void Asker::LapEngine() {
  const engine::StepTimes now = session_.engine().Stats().times;
  const engine::StepTimes was = std::exchange(lapped_, now);
  const auto inside =
      (now.embedding - was.embedding) + (now.layers - was.layers) + (now.head - was.head);
  shell_.profile.Lap("print and wait", {{"schedule", now.schedule - was.schedule},
                                        {"forward: embedding", now.embedding - was.embedding},
                                        {"forward: layers", now.layers - was.layers},
                                        {"forward: head", now.head - was.head},
                                        {"forward: rest", now.forward - was.forward - inside},
                                        {"sample", now.sample - was.sample},
                                        {"detokenize", now.text - was.text},
                                        {"deliver", now.deliver - was.deliver}});
}

int ReportAnswer(Shell& shell, const AskFlags& flags, const Asker& asker, const Answer& answer,
                 const std::string& adapter) {
  constexpr int kInterruptedStatus = 130;  // 128 + SIGINT
  if (flags.json) {
    boost::json::object document = AnswerDocument(answer);
    document["model"] = asker.model_name();
    if (!adapter.empty()) document["adapter"] = adapter;
    ReportProfile(shell, flags, &document);
    shell.out.Write(Render(document, Format::kJson));
  } else {
    ReportProfile(shell, flags, nullptr);
  }
  return answer.interrupted ? kInterruptedStatus : 0;
}

void ReportProfile(Shell& shell, const AskFlags& flags, boost::json::object* document) {
  if (!flags.profile) return;
  if (document != nullptr) {
    (*document)["profile"] = shell.profile.Document();
  } else {
    shell.out.Flush();
    const std::string table = shell.profile.Table();
    std::fwrite(table.data(), 1, table.size(), stderr);
  }
}

}  // namespace hyprstream::cli
