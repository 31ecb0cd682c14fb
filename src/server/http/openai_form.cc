#include "server/http/openai_form.h"

namespace hyprstream::server {

namespace json = boost::json;

void PrepareSse(Reply& reply) {
  reply.content_type = "text/event-stream; charset=utf-8";
  reply.headers.emplace_back("Cache-Control", "no-cache");
  reply.headers.emplace_back("X-Accel-Buffering", "no");
}

json::object HeadObject(const AnswerHead& head, std::string_view object) {
  return {{"id", head.id},
          {"object", object},
          {"created", head.created},
          {"model", head.speaker.name},
          {"system_fingerprint", head.fingerprint}};
}

std::string ChunkBegin(const AnswerHead& head, std::string_view object) {
  std::string text = json::serialize(HeadObject(head, object));
  text.pop_back();
  return text + ",\"choices\":[";
}

json::object UsageObject(const AnswerUsage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"total_tokens", usage.total()},
          {"prompt_tokens_details", {{"cached_tokens", usage.cached_tokens}}},
          {"completion_tokens_details", {{"reasoning_tokens", usage.reasoning_tokens}}}};
}

std::string_view FinishName(engine::FinishReason reason) {
  return reason == engine::FinishReason::kLength ? "length" : "stop";
}

}  // namespace hyprstream::server
