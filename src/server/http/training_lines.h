// Files for fine-tuning: one conversation a line, {"messages": […], "tools": […]}, as OpenAI's
// clients send them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace hyprstream::server {

struct TrainingLine {
  int64_t number = 0;  // in the file, from 1
  std::string body;    // as engine::SampleEncoder takes it
};

/// Blank lines are left out. Each line has messages that a chat would take, read as a chat reads
/// them, and an answer to learn: "weight" of an answer is 0 or 1. Errors: kInvalidArgument naming
/// the line and the field, `where` "file"; no lines.
std::vector<TrainingLine> ReadTrainingLines(std::string_view text);

/// The same error about a line, with where it stands.
Error OfTrainingLine(int64_t number, const Error& error);

}  // namespace hyprstream::server
