#include "cli/cache_settings.h"

#include <cstdlib>

namespace hyprstream::cli {

std::filesystem::path CacheFolder(const Settings& settings) {
  const std::string chosen = settings.Text("cache.directory").value_or("");
  if (!chosen.empty()) return chosen;
  const char* home = std::getenv("XDG_CACHE_HOME");
  if (home != nullptr && *home == '/') return std::filesystem::path(home) / "hyprstream";
  const char* user = std::getenv("HOME");
  if (user == nullptr || *user == '\0') return {};
  return std::filesystem::path(user) / ".cache/hyprstream";
}

model::RepackOptions RepackSettings(const Settings& settings) {
  model::RepackOptions options;
  options.limit = {settings.Size("cache.repacked_limit").value_or(options.limit.value)};
  const std::filesystem::path folder = CacheFolder(settings);
  if (options.limit.value > 0 && !folder.empty()) options.folder = folder / "repacked";
  return options;
}

}  // namespace hyprstream::cli
