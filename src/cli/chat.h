// A conversation, line by line: on a terminal with editing and history, else from standard input.
#pragma once

#include "cli/ask_flags.h"

namespace hyprstream::cli {

/// Until /exit or the end of the input. Returns the exit status: 1 when an answer failed and the
/// input is no terminal.
int Chat(Shell& shell, const AskFlags& flags);

/// What a line beginning with "/" did.
enum class CommandResult { kNone, kDone, kExit };

/// Runs the command in `line`, if it is one. Errors: kInvalidArgument for an unknown command.
CommandResult RunChatCommand(Shell& shell, Asker& asker, const std::string& line);

}  // namespace hyprstream::cli
