#include "support/data.h"

namespace hyprstream::testing {

std::filesystem::path SourcePath(std::string_view relative) {
  return std::filesystem::path(HYPR_SOURCE_DIR) / relative;
}

std::filesystem::path DataPath(std::string_view relative) {
  return SourcePath("tests/data") / relative;
}

}  // namespace hyprstream::testing
