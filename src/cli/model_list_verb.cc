// `model list`: the models of this machine that need no path, those in the folders of models and
// those in the store. Also the group `model` itself.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json.hpp>
#include <memory>

#include "base/memory_budget.h"
#include "cli/document.h"
#include "cli/hub.h"
#include "cli/model_reference.h"
#include "cli/model_store.h"
#include "cli/shell.h"
#include "engine/load.h"
#include "registry/find_local.h"
#include "registry/ollama_model.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct ListFlags {
  std::string format = "table";
  bool as_json = false;
};

/// What the files say. A model that cannot be opened is listed with what is wrong with it.
void Describe(const std::filesystem::path& path, json::object& row) {
  try {
    const auto files = formats::ModelFiles::Open(path);
    const model::ModelConfig config = model::ReadConfig(*files);
    row["family"] = model::FamilyName(config.family);
    row["parameters"] = config.parameters();
    row["size"] = FormatBytes({files->tensor_bytes()});
    row["path"] = path.string();
  } catch (const Error& error) {
    row["path"] = path.string();
    row["problem"] = error.detail().message;
  }
}

bool IsAdapter(const registry::ModelRecord& model) {
  return std::ranges::any_of(model.files, [](const registry::FileRecord& file) {
    return file.path == "adapter_config.json";
  });
}

json::object StoredRow(const registry::Store& store, const registry::ModelRecord& model) {
  json::object row{{"name", registry::ShortName(model.key)}};
  if (IsAdapter(model)) {
    row["family"] = "adapter";
    row["size"] = FormatBytes({model.size()});
    row["path"] = store.FolderOf(model.key).string();
  } else {
    Describe(registry::PathOf(store, model), row);
  }
  for (auto& [key, value] : StoredDocument(model)) {
    if (key != "files") row[key] = std::move(value);
  }
  return row;
}

json::object OllamaRow(const registry::OllamaSettings& settings, const std::string& name) {
  const registry::ModelReference reference = registry::ParseReference(name);
  json::object row{{"name", registry::ShortName(registry::OllamaKeyOf(reference))}, {"from", name}};
  try {
    if (const auto model = registry::FindInOllama(settings, reference)) {
      Describe(model->weights, row);
    } else {
      row["problem"] = "its weights are missing";
    }
  } catch (const Error& error) {
    row["problem"] = error.detail().message;
  }
  return row;
}

/// In a table a stored model's reference stands for where it is, which is long and nobody's
/// concern.
json::array ForPeople(const json::array& rows) {
  json::array shown;
  for (const json::value& value : rows) {
    const json::object& row = value.get_object();
    json::object out;
    for (const char* key : {"name", "family", "parameters", "size"}) {
      if (row.contains(key)) out[key] = row.at(key);
    }
    if (row.contains("created")) out["fetched"] = row.at("created").get_string().subview(0, 10);
    for (const char* key : {"path", "reference", "from"}) {
      if (row.contains(key)) out["from"] = row.at(key);
    }
    if (row.contains("problem")) out["problem"] = row.at("problem");
    shown.push_back(std::move(out));
  }
  return shown;
}

int List(Shell& shell, const ListFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  json::array rows;
  for (const auto& path : LocalModels()) {
    json::object row{{"name", engine::ModelNameOf(path)}};
    Describe(path, row);
    rows.push_back(std::move(row));
  }
  if (const auto store = StoredModels(shell.settings)) {
    for (const registry::ModelRecord& model : store->List()) {
      rows.push_back(StoredRow(*store, model));
    }
  }
  const registry::OllamaSettings ollama = ReadOllamaSettings();
  for (const std::string& name : registry::ListOllama(ollama)) {
    rows.push_back(OllamaRow(ollama, name));
  }
  if (rows.empty() && format == Format::kTable) {
    std::string searched;
    for (const auto& folder : ModelFolders()) searched += " " + folder.string();
    shell.out.Line("no models in" + (searched.empty() ? " any folder" : searched));
    return 0;
  }
  shell.out.Write(Render(format == Format::kTable ? ForPeople(rows) : rows, format));
  return 0;
}

}  // namespace

void AddModelListVerb(CLI::App& model, Shell& shell, const std::string& name) {
  const auto flags = std::make_shared<ListFlags>();
  const std::string spelled = model.get_parent() == nullptr ? name : "model " + name;
  CLI::App& verb = AddVerb(model, shell, name, "Models that can be named without a path",
                           "hyprstream " + spelled + " --format json",
                           [&shell, flags] { return List(shell, *flags); });
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
}

void AddModelVerbs(CLI::App& root, Shell& shell) {
  CLI::App& model = AddVerb(root, shell, "model", "Look at models and check them",
                            "hyprstream model info willowbrook", {});
  model.require_subcommand(0, 1);
  AddModelInfoVerb(model, shell, "info");
  AddModelListVerb(model, shell, "list");
  AddModelPullVerb(model, shell);
  AddModelPushVerb(model, shell);
  AddModelSearchVerb(model, shell);
  AddModelVerifyVerb(model, shell);
  AddModelTestVerb(model, shell);
  AddModelConvertVerb(model, shell);
  AddModelRemoveVerb(model, shell, "remove");
  AddModelRemoveVerb(model, shell, "rm");
  AddModelCacheVerbs(model, shell);
  AddModelRegistriesVerb(model, shell);
  AddModelInfoVerb(root, shell, "show");
  AddModelListVerb(root, shell, "list");
  AddModelPullVerb(root, shell);
  AddModelPushVerb(root, shell);
  AddModelRemoveVerb(root, shell, "rm");
}

}  // namespace hyprstream::cli
