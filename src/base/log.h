// The process's log, on stderr: warnings a user must see and notes for whoever runs the program.
// Never prompts, keys or answers. Thread-safe.
#pragma once

#include <string_view>

namespace hyprstream {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kOff };

void SetLogLevel(LogLevel level);
void LogDebug(std::string_view text);
void LogInfo(std::string_view text);
void LogWarning(std::string_view text);
void LogError(std::string_view text);

}  // namespace hyprstream
