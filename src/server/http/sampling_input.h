// The fields of a request that say how tokens are drawn and when an answer ends, in OpenAI's names
// and the extensions that clients send.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/request.h"
#include "server/http/json_fields.h"
#include "server/service.h"

namespace hyprstream::server {

/// `defaults` with what `body` says. Ids in logit_bias and stop_token_ids must be the model's; at
/// most 4 stop strings. Does not read max_tokens or logprobs, which the routes spell differently.
/// Errors: kInvalidArgument naming the field.
engine::GenerationRequest ReadSampling(const JsonField& body,
                                       const engine::GenerationRequest& defaults);

/// The first of "max_completion_tokens" and "max_tokens" that is given. Errors: kInvalidArgument
/// below `least`.
int32_t ReadMaxTokens(const JsonField& body, int32_t least, int32_t otherwise);

/// Of "stream_options". Errors: kInvalidArgument for options without a stream.
bool ReadIncludeUsage(const JsonField& body, bool stream);

/// `count` times the request; with a seed, each has its own.
std::vector<engine::GenerationRequest> Repeat(const engine::GenerationRequest& request,
                                              int64_t count);

/// Adapters of "lora": [{"name", "scale"}]. Errors: kInvalidArgument.
std::vector<WantedAdapter> ReadLora(const JsonField& body);

}  // namespace hyprstream::server
