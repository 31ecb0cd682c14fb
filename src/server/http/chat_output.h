// How a chat's answer is told in OpenAI's form, whole or as server-sent events.
#pragma once

#include "server/http/answer.h"
#include "server/http/message.h"

namespace hyprstream::server {

struct ChatOutput {
  bool include_usage = false;  // a last chunk with the usage
  bool logprobs = false;
};

/// Both add to `reply`, which has the headers already.
Reply StreamChat(Reply reply, AnswerHead head, Answer answer, const ChatOutput& output);
Reply CollectChat(Reply reply, AnswerHead head, Answer answer, const ChatOutput& output);

}  // namespace hyprstream::server
