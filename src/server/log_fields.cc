#include "server/log_fields.h"

#include <chrono>

#include "server/http/json_fields.h"
#include "server/http/ollama_output.h"

namespace hyprstream::server {
namespace {

std::string Now() { return Rfc3339(std::chrono::system_clock::now()); }

}  // namespace

std::string AsText(const LogFields& fields) {
  std::string line = "time=" + Now();
  for (const LogField& field : fields) {
    line.append(" ").append(field.name).append("=");
    const bool plain =
        !field.value.empty() && field.value.find_first_of(" \"\\\n\r\t=") == std::string::npos;
    if (plain) {
      line += field.value;
    } else {
      AppendJsonString(line, field.value);
    }
  }
  return line;
}

std::string AsJsonLine(const LogFields& fields) {
  std::string line = "{\"time\":\"" + Now() + "\"";
  for (const LogField& field : fields) {
    line += ',';
    AppendJsonString(line, field.name);
    line += ':';
    if (field.kind == LogField::Kind::kNumber) {
      line += field.value;
    } else {
      AppendJsonString(line, field.value);
    }
  }
  return line + "}\n";
}

}  // namespace hyprstream::server
