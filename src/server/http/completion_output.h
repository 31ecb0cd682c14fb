// How completions are told in OpenAI's form, whole or as server-sent events.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/reading.h"
#include "server/http/answer.h"
#include "server/http/message.h"

namespace hyprstream::server {

/// A prompt that is told before what continues it.
struct PromptEcho {
  std::string text;
  std::vector<int32_t> ids;
  std::vector<engine::TokenScore> scores = {};  // when log-probabilities are told
};

struct CompletionOutput {
  bool include_usage = false;
  std::optional<int64_t> logprobs = {};  // alternatives of each token
  size_t choices_per_prompt = 1;         // told; of more that are made the likeliest ones
  std::vector<PromptEcho> echoes = {};   // one for each prompt, or none
};

/// Both add to `reply`, which has the headers already.
Reply StreamCompletion(Reply reply, AnswerHead head, Answer answer, CompletionOutput output);
Reply CollectCompletion(Reply reply, AnswerHead head, Answer answer, CompletionOutput output);

}  // namespace hyprstream::server
