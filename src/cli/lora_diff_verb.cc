// `lora diff A@3 A@5`: what training changed between two versions, or how two adapters differ.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "adapters/difference.h"
#include "base/error.h"
#include "cli/document.h"
#include "cli/lora_verbs.h"
#include "cli/model_reference.h"
#include "formats/model_files.h"
#include "model/config.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct DiffFlags {
  std::string from;
  std::string to;
  std::string format = "table";
};

struct Side {
  adapters::AdapterRecord record;
  std::optional<adapters::VersionRecord> version;
  std::shared_ptr<const adapters::StoredAdapter> adapter;  // null for version 0
};

Side Find(adapters::AdapterStore& store, const std::string& text) {
  const AdapterReference reference = ParseAdapterReference(text);
  Side side{.record = store.Get(reference.name), .version = {}, .adapter = nullptr};
  side.version = store.Find(side.record.name, reference.version);
  return side;
}

void RequireOneBase(const Side& from, const Side& to) {
  if (from.record.base_fingerprint == to.record.base_fingerprint) return;
  throw Error(ErrorCode::kFailedPrecondition,
              {.message = "adapters of different bases cannot be compared",
               .expected = from.record.name + " belongs to " + from.record.base_model,
               .found = to.record.name + " belongs to " + to.record.base_model});
}

json::object SideDocument(const Side& side) {
  json::object document{{"adapter", side.record.name}};
  if (!side.version) {
    document["version"] = 0;
    document["components"] = 0;
    return document;
  }
  for (auto& [key, value] : VersionDocument(*side.version)) document[key] = value;
  document["components"] = side.adapter->Statistics().components;
  return document;
}

json::value OrNull(const std::optional<double>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

void AddChange(const adapters::UpdateChange& change, json::object& document) {
  document["norm_from"] = change.norm_from;
  document["norm_to"] = change.norm_to;
  document["relative_change"] = OrNull(change.Relative());
  document["cosine"] = OrNull(change.Cosine());
}

template <typename Counts>
json::object CountsDocument(const Counts& counts) {
  json::object document{
      {"kept", counts.kept}, {"added", counts.added}, {"dropped", counts.dropped}};
  AddChange(counts.change, document);
  return document;
}

int Diff(Shell& shell, const DiffFlags& flags) {
  const Format format = ParseFormat(flags.format);
  adapters::AdapterStore store = OpenStore();
  Side from = Find(store, flags.from);
  Side to = Find(store, flags.to);
  RequireOneBase(from, to);
  const auto files = formats::ModelFiles::Open(ResolveModel(from.record.base_model));
  const model::ModelConfig config = model::ReadConfig(*files);
  for (Side* side : {&from, &to}) {
    if (side->version) {
      side->adapter = adapters::StoredAdapter::Open(side->version->file, config);
    }
  }
  const adapters::AdapterDifference difference =
      adapters::Compare(from.adapter.get(), to.adapter.get());
  json::object document{{"from", SideDocument(from)}, {"to", SideDocument(to)}};
  for (auto& [key, value] : CountsDocument(difference)) document[key] = value;
  json::array modules;
  for (const adapters::ModuleDifference& module : difference.modules) {
    json::object row{{"module", module.path}};
    for (auto& [key, value] : CountsDocument(module)) row[key] = value;
    modules.push_back(std::move(row));
  }
  document["modules"] = std::move(modules);
  shell.out.Write(Render(document, format));
  return 0;
}

}  // namespace

void AddLoraDiffVerb(CLI::App& lora, Shell& shell) {
  const auto flags = std::make_shared<DiffFlags>();
  CLI::App& verb = AddVerb(
      lora, shell, "diff",
      "Components that came and went between two versions, and how far the update moved",
      "hyprstream lora diff village@3 village@5", [&shell, flags] { return Diff(shell, *flags); });
  verb.add_option("FROM", flags->from, "Name, or NAME@VERSION (0: the base)")->required();
  verb.add_option("TO", flags->to, "The same, of an adapter of the same base")->required();
  verb.add_option("--format", flags->format, "table, json or yaml");
}

}  // namespace hyprstream::cli
