// The errors of chat templates, with the kinds that clients are told.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace hyprstream::text {

/// kinds as in "syntax", "undefined", "security", "raised", "runtime", "limit".
enum class TemplateErrorKind { kSyntax, kUndefined, kSecurity, kRaised, kRuntime, kLimit };

std::string_view TemplateErrorKindName(TemplateErrorKind kind);

/// Its code is kLimit for kind kLimit and kInvalidArgument for every other kind. For kind kRaised
/// the detail's message is the template's own text.
class TemplateError : public Error {
 public:
  TemplateError(TemplateErrorKind kind, ErrorDetail detail);
  TemplateErrorKind kind() const { return kind_; }

 private:
  TemplateErrorKind kind_;
};

namespace tmpl {
[[noreturn]] void Raise(TemplateErrorKind kind, std::string message);
/// Kind kRuntime: what Python would call a TypeError or ValueError.
[[noreturn]] void RaiseRuntime(std::string message);
[[noreturn]] void RaiseLimit(std::string message);
}  // namespace tmpl

}  // namespace hyprstream::text
