// `model pull` and `pull`: fetches a model from a registry into the store.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/memory_budget.h"
#include "cli/document.h"
#include "cli/pull_model.h"
#include "cli/pulled_adapter.h"
#include "cli/shell.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

using Kind = registry::ModelReference::Kind;

struct PullFlags {
  std::string model;
  std::vector<std::string> files;
  std::string revision;
  bool force = false;
  bool insecure = false;
  std::string format = "table";
  bool as_json = false;
};

registry::ModelReference Reference(const PullFlags& flags) {
  registry::ModelReference reference = registry::ParseReference(flags.model);
  if (reference.kind == Kind::kPath) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "this names no model of a registry",
                 .expected = "org/name, hf://org/name[@revision][:QUANT] or ollama://name[:tag]",
                 .found = "\"" + Printable(flags.model) + "\""});
  }
  if (flags.revision.empty()) return reference;
  registry::CheckRevision(flags.revision);
  if (!reference.revision.empty() && reference.revision != flags.revision &&
      reference.kind == Kind::kHuggingFace) {
    throw Error(ErrorCode::kUsage, {.message = "two revisions are given",
                                    .found = reference.revision + " and " + flags.revision});
  }
  reference.revision = flags.revision;
  return reference;
}

json::object Describe(const registry::PullResult& result,
                      const std::optional<PulledAdapter>& adapter) {
  json::array files;
  for (const registry::FileRecord& file : result.files) {
    files.push_back({{"path", file.path}, {"size", file.size}, {"sha256", file.sha256}});
  }
  json::object document{{"model", Spelled(result.key)},   {"revision", result.key.revision},
                        {"path", result.folder.string()}, {"bytes", result.bytes},
                        {"fetched", result.fetched},      {"from_python_cache", result.from_cache},
                        {"files", std::move(files)}};
  if (adapter) document["adapter"] = AdapterDocument(*adapter);
  return document;
}

void Tell(Shell& shell, const PullFlags& flags, const registry::PullResult& result,
          const std::optional<PulledAdapter>& adapter) {
  std::string how = FormatBytes({result.fetched}) + " fetched";
  if (result.from_cache > 0) how += ", " + FormatBytes({result.from_cache}) + " had by Python";
  if (result.fetched == 0 && result.from_cache == 0) how = "already here";
  shell.out.Line(Spelled(result.key));
  shell.out.Line(std::to_string(result.files.size()) + " files, " + FormatBytes({result.bytes}) +
                 " (" + how + ") in " + result.folder.string());
  if (adapter) {
    for (const std::string& line : Told(*adapter)) shell.out.Line(line);
  } else if (result.kind != registry::Selection::Kind::kNamed) {
    shell.out.Line("Try: hyprstream run " + flags.model);
  }
}

int Pull(Shell& shell, const PullFlags& flags) {
  const Format format = flags.as_json ? Format::kJson : ParseFormat(flags.format);
  const registry::ModelReference reference = Reference(flags);
  const registry::PullResult result = PullModel(
      shell, reference, {.files = flags.files, .force = flags.force, .insecure = flags.insecure});
  std::optional<PulledAdapter> adapter;
  if (result.kind == registry::Selection::Kind::kAdapter) adapter = BecomeAdapter(result);
  if (format == Format::kTable) {
    Tell(shell, flags, result, adapter);
  } else {
    shell.out.Write(Render(Describe(result, adapter), format));
  }
  return 0;
}

}  // namespace

void AddModelPullVerb(CLI::App& model, Shell& shell) {
  const auto flags = std::make_shared<PullFlags>();
  const std::string spelled = model.get_parent() == nullptr ? "pull" : "model pull";
  CLI::App& verb = AddVerb(model, shell, "pull", "Fetch a model from a registry",
                           "hyprstream " + spelled + " Qwen/Qwen3-0.6B",
                           [&shell, flags] { return Pull(shell, *flags); });
  verb.add_option("MODEL", flags->model,
                  "org/name, hf://org/name[@revision][:QUANT], ollama://name[:tag]")
      ->required();
  verb.add_option("--files", flags->files, "Only these files: names or patterns, with commas")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb.add_option("--revision", flags->revision, "A branch, a tag or a commit");
  verb.add_flag("--force", flags->force, "Fetch again what is here already");
  verb.add_flag("--insecure", flags->insecure, "Allow an Ollama registry without encryption");
  verb.add_option("--format", flags->format, "table, json or yaml");
  verb.add_flag("--json", flags->as_json, "Same as --format json");
}

}  // namespace hyprstream::cli
