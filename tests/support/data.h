// Where the tests' data lies.
#pragma once

#include <filesystem>
#include <string_view>

namespace hyprstream::testing {

/// A path below tests/data/.
inline std::filesystem::path DataPath(std::string_view relative) {
  return std::filesystem::path(HYPR_SOURCE_DIR) / "tests" / "data" / relative;
}

inline std::filesystem::path SourcePath(std::string_view relative) {
  return std::filesystem::path(HYPR_SOURCE_DIR) / relative;
}

}  // namespace hyprstream::testing
