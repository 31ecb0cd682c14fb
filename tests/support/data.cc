#include "support/data.h"

#include <cstdlib>

namespace hyprstream::testing {

std::filesystem::path SourcePath(std::string_view relative) {
  return std::filesystem::path(HYPR_SOURCE_DIR) / relative;
}

std::filesystem::path DataPath(std::string_view relative) {
  constexpr std::string_view kFixtures = "fixtures/";
  const char* other = std::getenv("HYPR_FIXTURES");
  if (other && relative.starts_with(kFixtures)) {
    return std::filesystem::path(other) / relative.substr(kFixtures.size());
  }
  return SourcePath("tests/data") / relative;
}

}  // namespace hyprstream::testing
