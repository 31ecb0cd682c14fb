// Bodies of type multipart/form-data (RFC 7578), as forms with files send them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hyprstream::server {

struct FormPart {
  std::string name;
  std::optional<std::string> filename;  // without folders; nothing: a plain field
  std::string_view content;             // of the body it was read from
};

/// Errors: kInvalidArgument saying what is wrong: another type, no boundary, a part that does not
/// end or has no name, more than 64 parts.
std::vector<FormPart> ReadForm(std::string_view content_type, std::string_view body);

}  // namespace hyprstream::server
