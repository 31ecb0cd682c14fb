// `lora list|info|delete`: the adapters of this machine.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <iostream>
#include <memory>

#include "adapters/stored_adapter.h"
#include "base/error.h"
#include "cli/document.h"
#include "cli/lora_verbs.h"
#include "cli/model_reference.h"
#include "formats/model_files.h"
#include "model/config.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct ListFlags {
  std::string format = "table";
};

struct InfoFlags {
  std::string name;
  std::string format = "table";
  bool include_stats = false;
};

struct DeleteFlags {
  std::string name;
  bool yes = false;
};

int List(Shell& shell, const ListFlags& flags) {
  const Format format = ParseFormat(flags.format);
  adapters::AdapterStore store = OpenStore();
  json::array rows;
  for (const adapters::AdapterRecord& record : store.List()) {
    json::object row = AdapterDocument(record);
    row["versions"] = store.Versions(record.name).size();
    rows.push_back(std::move(row));
  }
  if (rows.empty() && format == Format::kTable) {
    shell.out.Line("no adapters yet; hyprstream lora create --help shows how to make one");
    return 0;
  }
  shell.out.Write(Render(rows, format));
  return 0;
}

void AddStatistics(const adapters::AdapterStatistics& statistics, json::object& document) {
  document["parameters_active"] = statistics.parameters_active;
  document["parameters_total"] = statistics.parameters_total;
  document["sparsity"] = statistics.sparsity();
  document["components"] = statistics.components;
  document["tiles"] = statistics.tiles;
  json::array tensors;
  for (const adapters::TensorStatistics& tensor : statistics.tensors) {
    tensors.push_back({{"name", tensor.name},
                       {"parameters_active", tensor.parameters_active},
                       {"parameters_total", tensor.parameters_total},
                       {"components", tensor.components}});
  }
  document["tensors"] = std::move(tensors);
}

int Info(Shell& shell, const InfoFlags& flags) {
  const Format format = ParseFormat(flags.format);
  const AdapterReference reference = ParseAdapterReference(flags.name);
  adapters::AdapterStore store = OpenStore();
  const adapters::AdapterRecord record = store.Get(reference.name);
  json::object document = AdapterDocument(record);
  document["spec"] = json::parse(record.spec);
  json::array versions;
  for (const adapters::VersionRecord& version : store.Versions(record.name)) {
    versions.push_back(VersionDocument(version));
  }
  document["versions"] = std::move(versions);
  if (flags.include_stats) {
    const auto files = formats::ModelFiles::Open(ResolveModel(record.base_model));
    const model::ModelConfig config = model::ReadConfig(*files);
    if (const auto version = store.Find(record.name, reference.version)) {
      const auto stored = adapters::StoredAdapter::Open(version->file, config);
      document["file_bytes"] = stored->grid().file_size().value;
      document["memory_bytes"] = stored->grid().memory().value;
      AddStatistics(stored->Statistics(), document);
    } else {
      const adapters::Topology topology(config, adapters::ParseSpec(record.spec, record.name));
      AddStatistics({.parameters_active = 0,
                     .parameters_total = topology.parameters_total(),
                     .components = 0,
                     .tiles = 0},
                    document);
    }
  }
  shell.out.Write(Render(document, format));
  return 0;
}

int Delete(Shell& shell, const DeleteFlags& flags) {
  adapters::AdapterStore store = OpenStore();
  const adapters::AdapterRecord record = store.Get(flags.name);
  if (!flags.yes) {
    if (!shell.terminal.input) {
      throw Error(ErrorCode::kUsage,
                  {.message = "deleting an adapter needs a confirmation", .hint = "add --yes"});
    }
    shell.out.Write("delete " + record.name + " and all its versions? [y/N] ");
    shell.out.Flush();
    std::string answer;
    std::getline(std::cin, answer);
    if (answer != "y" && answer != "yes") return 1;
  }
  store.Delete(record.name);
  shell.out.Line("deleted " + record.name);
  return 0;
}

}  // namespace

void AddLoraListVerbs(CLI::App& lora, Shell& shell) {
  const auto list = std::make_shared<ListFlags>();
  CLI::App& list_verb = AddVerb(lora, shell, "list", "All adapters", "hyprstream lora list",
                                [&shell, list] { return List(shell, *list); });
  list_verb.add_option("--format", list->format, "table, json or yaml");

  const auto info = std::make_shared<InfoFlags>();
  CLI::App& info_verb = AddVerb(lora, shell, "info", "One adapter and its versions",
                                "hyprstream lora info village --include-stats",
                                [&shell, info] { return Info(shell, *info); });
  info_verb.add_option("NAME", info->name, "Name, or NAME@VERSION")->required();
  info_verb.add_flag("--include-stats", info->include_stats, "Count weights from the grid");
  info_verb.add_option("--format", info->format, "table, json or yaml");

  const auto remove = std::make_shared<DeleteFlags>();
  CLI::App& delete_verb = AddVerb(lora, shell, "delete", "Remove an adapter and its versions",
                                  "hyprstream lora delete village --yes",
                                  [&shell, remove] { return Delete(shell, *remove); });
  delete_verb.add_option("NAME", remove->name, "Its name")->required();
  delete_verb.add_flag("--yes,-y", remove->yes, "Do not ask");
}

}  // namespace hyprstream::cli
