// How answers are told in Ollama's form: a line of JSON for each piece, or one object.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "server/http/answer.h"
#include "server/http/message.h"

namespace hyprstream::server {

struct OllamaOutput {
  enum class Kind { kGenerate, kChat };
  Kind kind = Kind::kChat;
  bool stream = true;
  bool logprobs = false;
  std::vector<int32_t> context = {};  // of generate: the prompt's ids, told back with the answer's
  std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
};

/// Adds to `reply`, which has the headers already.
Reply TellOllama(Reply reply, AnswerHead head, Answer answer, OllamaOutput output);

/// The one object that loading or unloading is answered with.
Reply TellOllamaLoaded(Reply reply, const AnswerHead& head, OllamaOutput::Kind kind,
                       const char* reason);

/// "2026-01-31T12:00:00.123456789Z".
std::string Rfc3339(std::chrono::system_clock::time_point time);

}  // namespace hyprstream::server
