#include "cli/data_home.h"

#include <cstdlib>
#include <string>

#include "base/error.h"

namespace hyprstream::cli {

std::filesystem::path DataHome() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (const std::string own = variable("HYPRSTREAM_DATA"); !own.empty()) return own;
  if (const std::string xdg = variable("XDG_DATA_HOME"); !xdg.empty()) {
    return std::filesystem::path(xdg) / "hyprstream";
  }
  if (const std::string home = variable("HOME"); !home.empty()) {
    return std::filesystem::path(home) / ".local" / "share" / "hyprstream";
  }
  throw Error(ErrorCode::kFailedPrecondition,
              {.message = "there is no place for adapters",
               .expected = "HOME, XDG_DATA_HOME or HYPRSTREAM_DATA in the environment"});
}

}  // namespace hyprstream::cli
