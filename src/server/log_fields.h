// A line of the log as fields: never prompts, answers or keys.
#pragma once

#include <string>
#include <vector>

namespace hyprstream::server {

struct LogField {
  enum class Kind { kText, kNumber };
  std::string name;
  std::string value;
  Kind kind = Kind::kText;
};
using LogFields = std::vector<LogField>;

/// "time=… name=value …"; values with spaces or quotes are quoted.
std::string AsText(const LogFields& fields);
/// {"time": …, "name": value, …} and a newline.
std::string AsJsonLine(const LogFields& fields);

}  // namespace hyprstream::server
