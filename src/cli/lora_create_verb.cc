// `lora create`: a new adapter, version 0, equal to its base.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>
#include <optional>

#include "adapters/spec_wishes.h"
#include "adapters/topology.h"
#include "base/error.h"
#include "cli/document.h"
#include "cli/lora_verbs.h"
#include "cli/model_reference.h"
#include "engine/load.h"

namespace hyprstream::cli {
namespace {

namespace json = boost::json;

struct CreateFlags {
  std::string name;
  std::string base_model;
  std::string kind = "sparse";
  std::optional<int64_t> rank;
  std::optional<double> alpha;
  std::optional<double> sparsity;
  std::vector<std::string> target_modules;
  std::string format = "table";
};

std::vector<model::Module> ParseTargets(const std::vector<std::string>& names) {
  std::vector<model::Module> targets;
  for (const std::string& name : names) {
    if (name == "all") continue;
    const std::optional<model::Module> module = model::FindModule(name);
    if (!module) {
      throw Error(ErrorCode::kUsage,
                  {.message = "unknown module",
                   .expected = "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj or "
                               "all; embeddings and the head take no adapter",
                   .found = name,
                   .where = "--target-modules"});
    }
    targets.push_back(*module);
  }
  return targets;
}

adapters::AdapterSpec SpecOf(const CreateFlags& flags, const model::Model& base) {
  return adapters::MakeSpec({.kind = adapters::ParseAdapterKind(flags.kind),
                             .rank = flags.rank,
                             .alpha = flags.alpha,
                             .sparsity = flags.sparsity,
                             .target_modules = ParseTargets(flags.target_modules)},
                            base.config(), base.fingerprint());
}

int Create(Shell& shell, const CreateFlags& flags) {
  const Format format = ParseFormat(flags.format);
  adapters::CheckAdapterName(flags.name);
  engine::Compute compute(1);
  const engine::LoadedModel base =
      engine::OpenModel(ResolveModel(flags.base_model), compute, engine::TokenizerNeed::kNone, {});
  const adapters::Topology topology(base.model->config(), SpecOf(flags, *base.model));
  adapters::AdapterStore store = OpenStore();
  const adapters::AdapterRecord record =
      store.Create({.name = flags.name,
                    .kind = std::string(AdapterKindName(topology.spec().kind)),
                    .base_model = LastingReference(flags.base_model),
                    .base_fingerprint = base.model->fingerprint(),
                    .spec = WriteSpec(topology.spec())});
  json::object document = AdapterDocument(record);
  document["rank"] = topology.spec().nominal_rank;
  document["parameters_allowed"] = topology.parameters_allowed();
  document["parameters_total"] = topology.parameters_total();
  shell.out.Write(Render(document, format));
  return 0;
}

}  // namespace

void AddLoraCreateVerb(CLI::App& lora, Shell& shell) {
  const auto flags = std::make_shared<CreateFlags>();
  CLI::App& verb = AddVerb(lora, shell, "create", "A new adapter of a base model",
                           "hyprstream lora create --name village --base-model willowbrook",
                           [&shell, flags] { return Create(shell, *flags); });
  verb.add_option("--name", flags->name, "Its name")->required();
  verb.add_option("--base-model", flags->base_model, "Path or name of its base")->required();
  verb.add_option("--kind", flags->kind,
                  "sparse (components where they are needed), lora (all of a rank) or delta");
  verb.add_option("--rank", flags->rank,
                  "Components a module can have (default: 64 or more; lora: 16)");
  verb.add_option("--alpha", flags->alpha,
                  "Scale times rank (default: sparse: rank; lora: 2 rank)");
  verb.add_option("--sparsity", flags->sparsity, "Share of weights that stay zero (default 0.99)");
  verb.add_option("--target-modules", flags->target_modules, "q_proj,k_proj,… or all")
      ->delimiter(',');
  verb.add_option("--format", flags->format, "table, json or yaml");
}

}  // namespace hyprstream::cli
