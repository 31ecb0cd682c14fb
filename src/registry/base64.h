// Base64 with padding (RFC 4648, 4).
#pragma once

#include <string>
#include <string_view>

namespace hyprstream::registry {

std::string Base64(std::string_view bytes);

}  // namespace hyprstream::registry
