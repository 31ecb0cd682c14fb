// The program's settings by name ("sampling.temperature"), from the weakest source to the
// strongest: built-in defaults, config.toml, HYPRSTREAM_* environment variables; flags come last
// and are the verbs' business. Values are checked when they are read, so that a getter cannot fail.
// Immutable once loaded.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hyprstream::cli {

enum class SettingType { kInteger, kNumber, kBoolean, kText, kSize };

struct SettingInfo {
  std::string_view name;  // "section.key"
  SettingType type;
  std::string_view fallback;  // the built-in default; empty: none
  std::string_view help;
};

/// Every setting there is.
std::span<const SettingInfo> AllSettings();
const SettingInfo* FindSetting(std::string_view name);

class Settings {
 public:
  struct Value {
    std::string text;
    std::string source;  // "default", "config.toml", or the environment variable's name
  };

  /// `file`: from --config; without one, hyprstream/config.toml in the XDG config home if it
  /// exists. Errors: kInvalidArgument naming the key and its line (or the variable) and what is
  /// allowed; kNotFound when a file named by --config is missing.
  static Settings Load(const std::optional<std::filesystem::path>& file);

  /// Nothing when no source gives one. Precondition: the setting exists and has that type.
  std::optional<int64_t> Integer(std::string_view name) const;
  std::optional<double> Number(std::string_view name) const;
  std::optional<bool> Boolean(std::string_view name) const;
  std::optional<std::string> Text(std::string_view name) const;
  std::optional<uint64_t> Size(std::string_view name) const;  // bytes
  const Value* Find(std::string_view name) const;

  /// Overrides a weaker source. Errors: kInvalidArgument.
  void Set(const SettingInfo& info, std::string_view text, std::string source,
           std::string_view where);

 private:
  std::map<std::string, Value, std::less<>> values_;
};

/// Where config.toml is looked for without --config.
std::filesystem::path DefaultConfigFile();

/// Layers, one source file each.
void ReadSettingsFile(const std::filesystem::path& path, Settings& settings);
/// HYPRSTREAM_SERVER__PORT and HYPRSTREAM_SERVER_PORT both mean server.port; HYPRSTREAM_CACHE is
/// short for cache.directory. A variable that names
/// a section but no setting of it is warned about.
void ReadSettingsEnvironment(const char* const* environment, Settings& settings);

}  // namespace hyprstream::cli
