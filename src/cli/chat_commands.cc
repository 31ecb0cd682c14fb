#include "cli/chat.h"

namespace hyprstream::cli {
namespace {

constexpr std::string_view kHelp =
    "/clear          forget the conversation\n"
    "/history        show the conversation\n"
    "/system TEXT    set the system message\n"
    "/save FILE      write the conversation to FILE\n"
    "/load FILE      continue the conversation in FILE\n"
    "/exit           leave (also Ctrl-D)\n"
    "\"\"\"             begins and ends a message of several lines\n"
    "Ctrl-C          stops an answer\n";

std::string Argument(const std::string& line) {
  const size_t space = line.find(' ');
  if (space == std::string::npos) return {};
  const size_t begin = line.find_first_not_of(' ', space);
  const size_t end = line.find_last_not_of(' ');
  return begin == std::string::npos ? std::string() : line.substr(begin, end - begin + 1);
}

std::string RequireArgument(const std::string& line, const std::string& command) {
  std::string argument = Argument(line);
  if (argument.empty()) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = command + " needs an argument", .hint = "see /help"});
  }
  return argument;
}

void ShowHistory(Shell& shell, Asker& asker) {
  for (const Message& message : asker.conversation().messages()) {
    const std::string role = Styled(message.role + ":", Style::kBold, shell.terminal.output_color);
    shell.out.Line(role + " " +
                   (shell.terminal.output ? Printable(message.content) : message.content));
  }
}

}  // namespace

CommandResult RunChatCommand(Shell& shell, Asker& asker, const std::string& line) {
  if (!line.starts_with('/')) return CommandResult::kNone;
  const std::string command = line.substr(0, line.find(' '));
  if (command == "/exit" || command == "/quit" || command == "/bye") return CommandResult::kExit;
  if (command == "/help" || command == "/?") {
    shell.out.Write(kHelp);
  } else if (command == "/clear") {
    asker.conversation().Clear();
  } else if (command == "/history") {
    ShowHistory(shell, asker);
  } else if (command == "/system") {
    asker.conversation().SetSystem(RequireArgument(line, command));
  } else if (command == "/save") {
    asker.conversation().Save(RequireArgument(line, command), asker.model_name());
  } else if (command == "/load") {
    asker.conversation().Load(RequireArgument(line, command));
  } else {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "unknown command \"" + Printable(command) + "\"", .hint = "see /help"});
  }
  shell.out.Flush();
  return CommandResult::kDone;
}

}  // namespace hyprstream::cli
