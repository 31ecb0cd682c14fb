#include "cli/hub.h"

#include <cstdlib>
#include <string>

#include "cli/build_info.h"
#include "cli/cache_settings.h"
#include "cli/data_home.h"

namespace hyprstream::cli {

std::filesystem::path TokenFile() {
  const std::filesystem::path config = DefaultConfigFile();
  return config.empty() ? config : config.parent_path() / "token";
}

registry::HubSettings ReadHubSettings() {
  return registry::HubSettings::Read([](const char* name) { return std::getenv(name); },
                                     TokenFile(), std::string("hyprstream/") + kVersion);
}

registry::OllamaSettings ReadOllamaSettings() {
  return registry::OllamaSettings::Read([](const char* name) { return std::getenv(name); });
}

registry::StorePaths ModelStorePaths(const Settings& settings) {
  registry::StorePaths paths{.data_home = DataHome(), .cache_home = CacheFolder(settings)};
  if (paths.cache_home.empty()) paths.cache_home = paths.data_home / "cache";
  return paths;
}

}  // namespace hyprstream::cli
