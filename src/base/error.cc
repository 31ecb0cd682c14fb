#include "base/error.h"

#include <cstdio>
#include <cstdlib>

namespace hyprstream {
namespace {

std::string Render(const ErrorDetail& detail) {
  std::string text = detail.message;
  if (!detail.expected.empty()) text += ": expected " + detail.expected;
  if (!detail.found.empty()) {
    text += (detail.expected.empty() ? ": found " : ", found ") + detail.found;
  }
  if (!detail.where.empty()) text += " (" + detail.where + ")";
  if (!detail.hint.empty()) text += "; " + detail.hint;
  return text;
}

}  // namespace

std::string_view ErrorCodeName(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
      return "invalid_argument";
    case ErrorCode::kUsage:
      return "usage";
    case ErrorCode::kNotFound:
      return "not_found";
    case ErrorCode::kAlreadyExists:
      return "already_exists";
    case ErrorCode::kFailedPrecondition:
      return "failed_precondition";
    case ErrorCode::kDataLoss:
      return "data_loss";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kResourceExhausted:
      return "resource_exhausted";
    case ErrorCode::kLimit:
      return "limit";
    case ErrorCode::kPermissionDenied:
      return "permission_denied";
    case ErrorCode::kUnauthenticated:
      return "unauthenticated";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kCancelled:
      return "cancelled";
    case ErrorCode::kIo:
      return "io";
  }
  return "unknown";
}

Error::Error(ErrorCode code, ErrorDetail detail)
    : std::runtime_error(Render(detail)), code_(code), detail_(std::move(detail)) {}

Error Error::Within(std::string_view where) const {
  ErrorDetail outer = detail_;
  outer.where = outer.where.empty() ? std::string(where) : std::string(where) + ": " + outer.where;
  return Error(code_, std::move(outer));
}

namespace internal {
void CheckFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: broken invariant: %s\n", file, line, condition);
  std::abort();
}
}  // namespace internal

}  // namespace hyprstream
