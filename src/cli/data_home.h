// Where adapters and the catalogue lie: $HYPRSTREAM_DATA, else hyprstream/ in the XDG data home.
#pragma once

#include <filesystem>

namespace hyprstream::cli {

/// Errors: kFailedPrecondition when neither is set and there is no home folder.
std::filesystem::path DataHome();

}  // namespace hyprstream::cli
