// `lora list|info|delete`: the adapters of this machine.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <iostream>
#include <memory>

#include "adapters/placement_map.h"
#include "adapters/stored_adapter.h"
#include "base/atomic_file.h"
#include "base/error.h"
#include "cli/document.h"
#include "cli/lora_verbs.h"
#include "cli/model_reference.h"
#include "cli/placement_picture.h"
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
  std::string svg;
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

/// The base's shape and the version that was asked for; null for version 0.
struct OpenedInfo {
  model::ModelConfig config;
  std::shared_ptr<const adapters::StoredAdapter> adapter;
};

OpenedInfo OpenInfo(const adapters::AdapterRecord& record,
                    const std::optional<adapters::VersionRecord>& version) {
  OpenedInfo opened{
      .config = model::ReadConfig(*formats::ModelFiles::Open(ResolveModel(record.base_model))),
      .adapter = nullptr};
  if (version) opened.adapter = adapters::StoredAdapter::Open(version->file, opened.config);
  return opened;
}

void AddStatistics(const OpenedInfo& opened, const adapters::AdapterRecord& record,
                   json::object& document) {
  if (opened.adapter != nullptr) {
    document["file_bytes"] = opened.adapter->grid().file_size().value;
    document["memory_bytes"] = opened.adapter->grid().memory().value;
    AddStatistics(opened.adapter->Statistics(), document);
    return;
  }
  const adapters::Topology topology(opened.config, adapters::ParseSpec(record.spec, record.name));
  AddStatistics({.parameters_active = 0,
                 .parameters_total = topology.parameters_total(),
                 .components = 0,
                 .tiles = 0},
                document);
}

void WritePlacementSvg(const InfoFlags& flags, const OpenedInfo& opened, const std::string& title) {
  if (opened.adapter == nullptr) {
    throw Error(ErrorCode::kFailedPrecondition,
                {.message = "version 0 of an adapter is its base: there are no components to show",
                 .where = "--svg",
                 .hint = "train the adapter first, or name another version as NAME@VERSION"});
  }
  AtomicFile file(flags.svg);
  file.Write(PlacementSvg(adapters::MapPlacement(*opened.adapter), title));
  file.Commit();
}

int Info(Shell& shell, const InfoFlags& flags) {
  const Format format = ParseFormat(flags.format);
  const AdapterReference reference = ParseAdapterReference(flags.name);
  adapters::AdapterStore store = OpenStore();
  const adapters::AdapterRecord record = store.Get(reference.name);
  const std::optional<adapters::VersionRecord> version = store.Find(record.name, reference.version);
  json::object document = AdapterDocument(record);
  document["spec"] = json::parse(record.spec);
  json::array versions;
  for (const adapters::VersionRecord& known : store.Versions(record.name)) {
    versions.push_back(VersionDocument(known));
  }
  document["versions"] = std::move(versions);
  std::string picture;
  if (flags.include_stats || !flags.svg.empty()) {
    const OpenedInfo opened = OpenInfo(record, version);
    if (flags.include_stats) AddStatistics(opened, record, document);
    const std::string title = record.name + "@" + std::to_string(version ? version->version : 0);
    if (!flags.svg.empty()) WritePlacementSvg(flags, opened, title);
    if (opened.adapter) picture = DrawPlacement(adapters::MapPlacement(*opened.adapter));
  } else if (version && format == Format::kTable) {
    // The rest is known without the base, which may have gone.
    try {
      picture = DrawPlacement(adapters::MapPlacement(*OpenInfo(record, version).adapter));
    } catch (const Error& error) {
      picture = "its components cannot be shown: " + std::string(error.what()) + "\n";
    }
  }
  shell.out.Write(Render(document, format));
  if (format == Format::kTable && !picture.empty()) shell.out.Write("\n" + picture);
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
  info_verb.add_option("--svg", info->svg, "Write the picture of layers and modules")
      ->type_name("FILE");
  info_verb.add_option("--format", info->format, "table, json or yaml");

  const auto remove = std::make_shared<DeleteFlags>();
  CLI::App& delete_verb = AddVerb(lora, shell, "delete", "Remove an adapter and its versions",
                                  "hyprstream lora delete village --yes",
                                  [&shell, remove] { return Delete(shell, *remove); });
  delete_verb.add_option("NAME", remove->name, "Its name")->required();
  delete_verb.add_flag("--yes,-y", remove->yes, "Do not ask");
}

}  // namespace hyprstream::cli
