// `chat MODEL`.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <memory>
#include <optional>

#include "cli/chat.h"
#include "cli/error_text.h"
#include "cli/interrupt.h"
#include "cli/line_reader.h"

namespace hyprstream::cli {
namespace {

constexpr int32_t kDefaultMaxTokens = 512;
constexpr std::string_view kFence = "\"\"\"";

/// Reads on until the closing fence when a line begins with one.
LineReader::Line ReadMessage(LineReader& reader) {
  LineReader::Line line = reader.Read(">>> ");
  if (line.kind != LineReader::Line::Kind::kText || !line.text.starts_with(kFence)) return line;
  std::string text = line.text.substr(kFence.size());
  while (!text.ends_with(kFence)) {
    line = reader.Read("... ");
    if (line.kind != LineReader::Line::Kind::kText) return line;
    text += (text.empty() ? "" : "\n") + line.text;
  }
  text.resize(text.size() - kFence.size());
  while (text.ends_with('\n')) text.pop_back();
  return {.kind = LineReader::Line::Kind::kText, .text = std::move(text)};
}

void Complain(Shell& shell, const AskFlags& flags, const Error& error) {
  if (flags.json) {
    shell.out.Line(boost::json::serialize(ErrorDocument(error)));
    shell.out.Flush();
    return;
  }
  shell.out.Flush();
  const std::string text = ErrorText(error, shell.terminal.errors_color);
  std::fwrite(text.data(), 1, text.size(), stderr);
}

/// False when it was the command to leave.
bool Turn(Shell& shell, Asker& asker, const AskFlags& flags, const std::string& line) {
  const CommandResult command = RunChatCommand(shell, asker, line);
  if (command != CommandResult::kNone) return command == CommandResult::kDone;
  const Answer answer = asker.Say(line);
  if (flags.json) {
    shell.out.Line(boost::json::serialize(AnswerDocument(answer)));
    shell.out.Flush();
  }
  return true;
}

}  // namespace

int Chat(Shell& shell, const AskFlags& flags) {
  if (flags.raw) {
    throw Error(ErrorCode::kUsage, {.message = "--raw needs a prompt: a chat needs its template"});
  }
  Asker asker(shell, flags, kDefaultMaxTokens);
  const std::unique_ptr<LineReader> reader = LineReader::Create(shell.terminal);
  if (shell.terminal.input && shell.terminal.output) {
    shell.out.Line(Styled(asker.model_name(), Style::kBold, shell.terminal.output_color) +
                   ": /help tells what can be done, Ctrl-D leaves");
  }
  shell.out.Flush();
  // On a terminal Ctrl-C must not end the program between a line and its answer either.
  std::optional<InterruptScope> interrupts;
  if (shell.terminal.input && shell.terminal.output) interrupts.emplace();
  int status = 0;
  for (bool going = true; going;) {
    const LineReader::Line line = ReadMessage(*reader);
    if (line.kind == LineReader::Line::Kind::kInterrupted) continue;
    if (line.kind == LineReader::Line::Kind::kEnd) break;
    if (line.text.find_first_not_of(" \t") == std::string::npos) continue;
    shell.profile.Lap("wait for input");
    try {
      going = Turn(shell, asker, flags, line.text);
    } catch (const Error& error) {
      Complain(shell, flags, error);
      if (!shell.terminal.input) status = 1;
    }
  }
  if (shell.terminal.output && shell.terminal.input) shell.out.Write("\n");
  ReportProfile(shell, flags, nullptr);
  return status;
}

void AddChatVerb(CLI::App& root, Shell& shell) {
  const auto flags = std::make_shared<AskFlags>();
  CLI::App& verb = AddVerb(root, shell, "chat", "Talk with a model",
                           "hyprstream chat willowbrook --system \"Answer in one sentence.\"",
                           [&shell, flags] { return Chat(shell, *flags); });
  verb.add_option("MODEL", flags->model, "Path or name of a model")->required();
  flags->Register(verb);
}

}  // namespace hyprstream::cli
