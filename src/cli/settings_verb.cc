// `settings`: every setting, its value and where that came from.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "cli/document.h"
#include "cli/shell.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct SettingsFlags {
  std::string format = "table";
  bool as_json = false;
};

int Show(Shell& shell, const SettingsFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  json::array rows;
  for (const SettingInfo& info : AllSettings()) {
    const Settings::Value* value = shell.settings.Find(info.name);
    rows.push_back({{"setting", info.name},
                    {"value", value ? json::value(value->text) : json::value(nullptr)},
                    {"source", value ? json::value(value->source) : json::value("not set")},
                    {"meaning", info.help}});
  }
  shell.out.Write(Render(rows, format));
  return 0;
}

}  // namespace

void AddSettingsVerb(CLI::App& root, Shell& shell) {
  const auto flags = std::make_shared<SettingsFlags>();
  CLI::App& verb = AddVerb(root, shell, "settings", "Settings, their values and their sources",
                           "HYPRSTREAM_ENGINE_THREADS=2 hyprstream settings",
                           [&shell, flags] { return Show(shell, *flags); });
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
}

}  // namespace hyprstream::cli
