// `model list`: the models that a bare name can mean. Also the group `model` itself.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "base/memory_budget.h"
#include "cli/document.h"
#include "cli/model_reference.h"
#include "cli/shell.h"
#include "engine/load.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct ListFlags {
  std::string format = "table";
  bool as_json = false;
};

/// A model that cannot be opened is listed with what is wrong with it.
json::object Describe(const std::filesystem::path& path) {
  json::object row{{"name", engine::ModelNameOf(path)}};
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
  return row;
}

int List(Shell& shell, const ListFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  json::array rows;
  for (const auto& path : LocalModels()) rows.push_back(Describe(path));
  if (rows.empty() && format == Format::kTable) {
    std::string searched;
    for (const auto& folder : ModelFolders()) searched += " " + folder.string();
    shell.out.Line("no models in" + (searched.empty() ? " any folder" : searched));
    return 0;
  }
  shell.out.Write(Render(rows, format));
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
  AddModelInfoVerb(root, shell, "show");
  AddModelListVerb(root, shell, "list");
  AddModelPullVerb(root, shell);
  AddModelPushVerb(root, shell);
}

}  // namespace hyprstream::cli
