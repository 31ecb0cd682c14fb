// Files for fine-tuning: one conversation a line, {"messages": […], "tools": […]}, as OpenAI's
// clients send them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hyprstream::server {

/// The lines as they stand, without blank ones. Each has messages that a chat would take, the last
/// of the assistant's, and an answer to learn: "weight" of an answer is 0 or 1. Errors:
/// kInvalidArgument naming the line and the field, `where` "file"; no lines.
std::vector<std::string> ReadTrainingLines(std::string_view text);

}  // namespace hyprstream::server
