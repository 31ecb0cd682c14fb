// `model registries`: where models come from, as this user's environment has it.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "cli/document.h"
#include "cli/hub.h"
#include "cli/model_store.h"
#include "cli/shell.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct RegistriesFlags {
  std::string format = "table";
  bool as_json = false;
};

json::value FolderIfThere(const std::filesystem::path& folder) {
  std::error_code failed;
  if (folder.empty() || !std::filesystem::is_directory(folder, failed)) return nullptr;
  return json::string(folder.string());
}

int Registries(Shell& shell, const RegistriesFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  const registry::HubSettings hub = ReadHubSettings();
  const registry::OllamaSettings ollama = ReadOllamaSettings();
  size_t stored_hub = 0;
  size_t stored_ollama = 0;
  if (const auto store = StoredModels(shell.settings)) {
    for (const registry::ModelRecord& model : store->List()) {
      ++(model.key.registry == "ollama" ? stored_ollama : stored_hub);
    }
  }
  const json::array rows{
      json::object{
          {"name", "hf"},
          {"registry", "Hugging Face Hub"},
          {"endpoint", hub.endpoint},
          {"reference", "hf://org/name[@revision][:QUANT]"},
          {"token", hub.token.empty() ? json::value(nullptr) : json::value(hub.token.masked())},
          {"offline", hub.offline},
          {"stored", stored_hub},
          {"read_in_place", FolderIfThere(hub.cache)}},
      json::object{{"name", "ollama"},
                   {"registry", "Ollama"},
                   {"endpoint", ollama.endpoint},
                   {"reference", "ollama://[namespace/]name[:tag]"},
                   {"token", nullptr},
                   {"offline", ollama.offline},
                   {"stored", stored_ollama},
                   {"read_in_place", FolderIfThere(ollama.models)}}};
  shell.out.Write(Render(rows, format));
  return 0;
}

}  // namespace

void AddModelRegistriesVerb(CLI::App& model, Shell& shell) {
  const auto flags = std::make_shared<RegistriesFlags>();
  CLI::App& verb = AddVerb(model, shell, "registries", "Where models come from",
                           "hyprstream model registries --format json",
                           [&shell, flags] { return Registries(shell, *flags); });
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
}

}  // namespace hyprstream::cli
