#include "server/http/error_reply.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "server/http/json_fields.h"

namespace hyprstream::server {
namespace {

namespace json = boost::json;

constexpr int kRetrySeconds = 1;

std::string_view TypeOf(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

/// `where` when it is the name of a field, not a file or a sentence.
std::optional<std::string> ParamOf(const Error& error) {
  if (error.code() != ErrorCode::kInvalidArgument && error.code() != ErrorCode::kNotFound &&
      error.code() != ErrorCode::kUnsupported) {
    return std::nullopt;
  }
  const std::string& where = error.detail().where;
  const bool field = !where.empty() && std::ranges::all_of(where, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '[' || c == ']' || c == '$';
  });
  if (!field) return std::nullopt;
  return where == "context" ? "messages" : where;
}

std::optional<std::string_view> CodeOf(const Error& error) {
  if (error.code() == ErrorCode::kInvalidArgument && error.detail().where == "context") {
    return "context_length_exceeded";
  }
  if (error.code() == ErrorCode::kNotFound && error.detail().where == "model") {
    return "model_not_found";
  }
  if (error.code() == ErrorCode::kUnauthenticated) return "invalid_api_key";
  return std::nullopt;
}

std::string OpenAiBody(const std::string& message, int status,
                       const std::optional<std::string>& param,
                       const std::optional<std::string_view>& code) {
  json::object error{
      {"message", message}, {"type", TypeOf(status)}, {"param", nullptr}, {"code", nullptr}};
  if (param) error["param"] = *param;
  if (code) error["code"] = *code;
  return json::serialize(json::object{{"error", std::move(error)}});
}

std::string OllamaBody(const std::string& message) {
  return json::serialize(json::object{{"error", message}});
}

Reply WithStatus(int status, std::string body) {
  Reply reply{.status = status, .body = std::move(body)};
  if (status == 429 || status == 503) {
    reply.headers.emplace_back("Retry-After", std::to_string(kRetrySeconds));
  }
  if (status == 401) reply.headers.emplace_back("WWW-Authenticate", "Bearer");
  return reply;
}

}  // namespace

Dialect DialectOf(std::string_view path) {
  return path.starts_with("/api/") ? Dialect::kOllama : Dialect::kOpenAi;
}

int StatusOf(const Error& error) {
  switch (error.code()) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUsage:
    case ErrorCode::kUnsupported:
    case ErrorCode::kLimit:
      return 400;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kFailedPrecondition:
      return 409;
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kUnavailable:
    case ErrorCode::kCancelled:
      return 503;
    case ErrorCode::kDataLoss:
    case ErrorCode::kIo:
      return 500;
  }
  return 500;
}

std::string MessageOf(const Error& error) {
  const ErrorDetail& detail = error.detail();
  std::string text = detail.message;
  if (!detail.expected.empty()) text += ": expected " + detail.expected;
  if (!detail.found.empty()) text += (detail.expected.empty() ? ": " : ", found ") + detail.found;
  return text;
}

std::string ErrorBody(const Error& error, Dialect dialect) {
  if (dialect == Dialect::kOllama) return OllamaBody(MessageOf(error));
  return OpenAiBody(MessageOf(error), StatusOf(error), ParamOf(error), CodeOf(error));
}

Reply ErrorReply(const Error& error, Dialect dialect, int status) {
  if (status == 0) return WithStatus(StatusOf(error), ErrorBody(error, dialect));
  if (dialect == Dialect::kOllama) return WithStatus(status, OllamaBody(MessageOf(error)));
  return WithStatus(status, OpenAiBody(MessageOf(error), status, ParamOf(error), CodeOf(error)));
}

Reply ErrorReply(int status, const std::string& message, Dialect dialect) {
  return WithStatus(status, dialect == Dialect::kOllama
                                ? OllamaBody(message)
                                : OpenAiBody(message, status, std::nullopt, std::nullopt));
}

}  // namespace hyprstream::server
