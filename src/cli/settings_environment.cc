#include <algorithm>
#include <cctype>

#include "base/log.h"
#include "cli/settings.h"

namespace hyprstream::cli {
namespace {

constexpr std::string_view kPrefix = "HYPRSTREAM_";

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower;
}

bool IsSection(std::string_view section) {
  return std::any_of(AllSettings().begin(), AllSettings().end(), [&](const SettingInfo& info) {
    return info.name.substr(0, info.name.find('.')) == section;
  });
}

}  // namespace

void ReadSettingsEnvironment(const char* const* environment, Settings& settings) {
  for (; environment != nullptr && *environment != nullptr; ++environment) {
    const std::string_view entry = *environment;
    const size_t equals = entry.find('=');
    if (!entry.starts_with(kPrefix) || equals == std::string_view::npos) continue;
    const std::string variable(entry.substr(0, equals));
    std::string name = Lower(variable.substr(kPrefix.size()));
    if (name == "cache") name = "cache__directory";
    const size_t split = name.find('_');
    if (split == std::string::npos || !IsSection(name.substr(0, split))) continue;
    const size_t key = name.compare(split, 2, "__") == 0 ? split + 2 : split + 1;
    const SettingInfo* info = FindSetting(name.substr(0, split) + "." + name.substr(key));
    if (info == nullptr) {
      LogWarning("the environment variable " + variable + " names no setting and is ignored");
      continue;
    }
    settings.Set(*info, entry.substr(equals + 1), variable, variable);
  }
}

}  // namespace hyprstream::cli
