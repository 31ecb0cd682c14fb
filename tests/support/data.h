// Where the tests' data lies.
#pragma once

#include <filesystem>
#include <string_view>

namespace hyprstream::testing {

/// A path below the root of the sources.
std::filesystem::path SourcePath(std::string_view relative);
/// A path below tests/data/.
std::filesystem::path DataPath(std::string_view relative);

}  // namespace hyprstream::testing
