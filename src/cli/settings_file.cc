#include <toml++/toml.h>

#include <sstream>

#include "base/error.h"
#include "cli/settings.h"

namespace hyprstream::cli {
namespace {

std::string Place(const std::filesystem::path& path, const toml::source_region& region) {
  return path.string() + ":" + std::to_string(region.begin.line);
}

std::string KnownNames(std::string_view section) {
  std::string names;
  for (const SettingInfo& info : AllSettings()) {
    if (!info.name.starts_with(section)) continue;
    names += (names.empty() ? "" : ", ") + std::string(info.name);
  }
  return names;
}

[[noreturn]] void RefuseUnknown(const std::string& name, const std::string& where) {
  const std::string section = name.substr(0, name.find('.') + 1);
  const std::string known = KnownNames(section);
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "unknown setting \"" + name + "\"",
               .where = where,
               .hint = known.empty() || section.empty()
                           ? "sections are sampling, engine, cache, server and quota"
                           : "known settings of this section: " + known});
}

std::string TextOf(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  std::ostringstream out;
  out.imbue(std::locale::classic());
  node.visit([&](const auto& value) {
    if constexpr (toml::is_value<decltype(value)>) {
      out.precision(17);
      if constexpr (toml::is_boolean<decltype(value)>) {
        out << (value.get() ? "true" : "false");
      } else {
        out << value.get();
      }
    } else {
      out << (toml::is_table<decltype(value)> ? "a table" : "an array");
    }
  });
  return out.str();
}

void CheckType(const SettingInfo& info, const toml::node& node, const std::string& where) {
  const bool text_wanted = info.type == SettingType::kText;
  const bool fits = text_wanted                          ? node.is_string()
                    : info.type == SettingType::kSize    ? node.is_string() || node.is_integer()
                    : info.type == SettingType::kBoolean ? node.is_boolean()
                    : info.type == SettingType::kInteger ? node.is_integer()
                                                         : node.is_number();
  if (fits) return;
  throw Error(ErrorCode::kInvalidArgument,
              {.message = "wrong type for " + std::string(info.name),
               .expected = info.type == SettingType::kText      ? "a string"
                           : info.type == SettingType::kSize    ? "a string such as \"1.5G\""
                           : info.type == SettingType::kBoolean ? "true or false"
                           : info.type == SettingType::kInteger ? "an integer"
                                                                : "a number",
               .found = TextOf(node),
               .where = where});
}

void ReadTable(const toml::table& table, const std::string& prefix,
               const std::filesystem::path& path, Settings& settings) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const std::string where = Place(path, key.source());
    if (const toml::table* nested = node.as_table(); nested && prefix.empty()) {
      if (KnownNames(name + ".").empty()) RefuseUnknown(name, where);
      ReadTable(*nested, name + ".", path, settings);
      continue;
    }
    const SettingInfo* info = FindSetting(name);
    if (info == nullptr) RefuseUnknown(name, where);
    CheckType(*info, node, where);
    settings.Set(*info, TextOf(node), path.filename().string(), where);
  }
}

}  // namespace

void ReadSettingsFile(const std::filesystem::path& path, Settings& settings) {
  std::error_code failed;
  if (!std::filesystem::is_regular_file(path, failed)) {
    throw Error(ErrorCode::kNotFound, {.message = "there is no such configuration file",
                                       .where = path.string(),
                                       .hint = "check the path given with --config"});
  }
  try {
    ReadTable(toml::parse_file(path.string()), "", path, settings);
  } catch (const toml::parse_error& error) {
    throw Error(
        ErrorCode::kInvalidArgument,
        {.message = "the configuration file is not valid TOML: " + std::string(error.description()),
         .where = Place(path, error.source())});
  }
}

}  // namespace hyprstream::cli
