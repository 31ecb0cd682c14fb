// Random identifiers (RFC 9562, version 4).
#pragma once

#include <string>

namespace hyprstream {

/// "3b241101-e2bb-4255-8caf-4136c566a962", from the operating system's random numbers.
std::string RandomUuid();

}  // namespace hyprstream
