#include "text/template/template_error.h"

#include <utility>

namespace hyprstream::text {

std::string_view TemplateErrorKindName(TemplateErrorKind kind) {
  switch (kind) {
    case TemplateErrorKind::kSyntax:
      return "syntax";
    case TemplateErrorKind::kUndefined:
      return "undefined";
    case TemplateErrorKind::kSecurity:
      return "security";
    case TemplateErrorKind::kRaised:
      return "raised";
    case TemplateErrorKind::kRuntime:
      return "runtime";
    case TemplateErrorKind::kLimit:
      return "limit";
  }
  return "unknown";
}

TemplateError::TemplateError(TemplateErrorKind kind, ErrorDetail detail)
    : Error(kind == TemplateErrorKind::kLimit ? ErrorCode::kLimit : ErrorCode::kInvalidArgument,
            std::move(detail)),
      kind_(kind) {}

namespace tmpl {

void Raise(TemplateErrorKind kind, std::string message) {
  throw TemplateError(kind, {.message = std::move(message)});
}

void RaiseRuntime(std::string message) { Raise(TemplateErrorKind::kRuntime, std::move(message)); }

void RaiseLimit(std::string message) { Raise(TemplateErrorKind::kLimit, std::move(message)); }

}  // namespace tmpl
}  // namespace hyprstream::text
