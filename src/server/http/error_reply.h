// The one place that turns an Error into an HTTP status and a body, in the form of each dialect.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "server/http/message.h"

namespace hyprstream::server {

/// kOpenAi: {"error": {"message", "type", "param", "code"}}; kOllama: {"error": "text"}.
enum class Dialect { kOpenAi, kOllama };

/// Of a request's path.
Dialect DialectOf(std::string_view path);

int StatusOf(const Error& error);

/// What the caller did wrong in one line, with what was expected and found.
std::string MessageOf(const Error& error);

/// The body alone: also what ends a stream that fails.
std::string ErrorBody(const Error& error, Dialect dialect);
/// `status` 0: the error's own. Adds Retry-After to 429 and 503.
Reply ErrorReply(const Error& error, Dialect dialect, int status = 0);
/// For refusals that are not an Error of the program, such as 404 for a path.
Reply ErrorReply(int status, const std::string& message, Dialect dialect);

}  // namespace hyprstream::server
