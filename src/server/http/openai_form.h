// Pieces of OpenAI's answers that several routes share. Shows JSON types: for this layer's own
// sources only.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "server/http/answer.h"
#include "server/http/message.h"

namespace hyprstream::server {

inline constexpr std::string_view kSseDone = "data: [DONE]\n\n";

/// Server-sent events that nothing on the way should keep or hold back.
void PrepareSse(Reply& reply);

/// {"id", "object", "created", "model", "system_fingerprint"}.
boost::json::object HeadObject(const AnswerHead& head, std::string_view object);
/// The same as text, up to and with `"choices":[`.
std::string ChunkBegin(const AnswerHead& head, std::string_view object);
boost::json::object UsageObject(const AnswerUsage& usage);
/// "stop" or "length".
std::string_view FinishName(engine::FinishReason reason);

}  // namespace hyprstream::server
