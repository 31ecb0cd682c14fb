// `run MODEL [PROMPT]`: one answer; a chat when there is no prompt and a terminal. `quick-start` is
// the same with named arguments.
#include <CLI/CLI.hpp>
#include <memory>

#include "cli/ask_flags.h"
#include "cli/chat.h"
#include "cli/line_reader.h"

namespace hyprstream::cli {
namespace {

struct RunFlags : AskFlags {
  std::optional<std::string> prompt;
};

std::string PromptFromInput() {
  std::string text = ReadAllInput();
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  if (text.empty()) {
    throw Error(ErrorCode::kUsage, {.message = "there is no prompt",
                                    .hint = "give it after the model or on standard input"});
  }
  return text;
}

int Run(Shell& shell, const RunFlags& flags) {
  if (!flags.prompt && shell.terminal.input) return Chat(shell, flags);
  const std::string prompt = flags.prompt ? *flags.prompt : PromptFromInput();
  Asker asker(shell, flags, kOneAnswerTokens);
  const Answer answer = flags.raw ? asker.Continue(prompt) : asker.Say(prompt);
  return ReportAnswer(shell, flags, asker, answer);
}

}  // namespace

void AddRunVerbs(CLI::App& root, Shell& shell) {
  const auto run = std::make_shared<RunFlags>();
  CLI::App& verb = AddVerb(root, shell, "run", "Answer a prompt, or chat when there is none",
                           "hyprstream run willowbrook \"Who is Rosa's best friend?\" --seed 7",
                           [&shell, run] { return Run(shell, *run); });
  verb.add_option("MODEL", run->model, "Path or name of a model")->required();
  verb.add_option("PROMPT", run->prompt, "What to ask (default: standard input)");
  run->Register(verb);

  const auto quick = std::make_shared<RunFlags>();
  CLI::App& alias = AddVerb(root, shell, "quick-start", "run, with named arguments",
                            "hyprstream quick-start --model-path models/willowbrook --prompt Hello",
                            [&shell, quick] { return Run(shell, *quick); });
  alias.add_option("--model-path,--model", quick->model, "Path or name of a model")->required();
  alias.add_option("--prompt,-p", quick->prompt, "What to ask (default: standard input)");
  quick->Register(alias);
}

}  // namespace hyprstream::cli
