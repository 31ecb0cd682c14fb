// Base64 with padding (RFC 4648, 4), and what addresses and keys need of it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hyprstream::registry {

std::string Base64(std::string_view bytes);
/// For addresses, without padding (RFC 4648, 5).
std::string Base64Url(std::string_view bytes);
/// Blanks and line ends do not count. Nothing for what is not base64.
std::optional<std::string> FromBase64(std::string_view text);

}  // namespace hyprstream::registry
