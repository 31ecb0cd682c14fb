#include "cli/lora_verbs.h"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>

#include "cli/data_home.h"
#include "cli/model_reference.h"

namespace hyprstream::cli {

namespace json = boost::json;

adapters::AdapterStore OpenStore() { return adapters::AdapterStore(DataHome()); }

AdapterReference ParseAdapterReference(const std::string& text) {
  const size_t at = text.find('@');
  if (at == std::string::npos) return {.name = text, .version = {}};
  return {.name = text.substr(0, at), .version = text.substr(at + 1)};
}

std::string LastingReference(const std::string& model) { return FindModel(model).reference; }

json::object AdapterDocument(const adapters::AdapterRecord& record) {
  return {{"name", record.name},       {"id", record.id},
          {"kind", record.kind},       {"base_model", record.base_model},
          {"version", record.current}, {"created", record.created}};
}

json::object VersionDocument(const adapters::VersionRecord& version) {
  json::object document{{"version", version.version},
                        {"hash", version.hash},
                        {"created", version.created},
                        {"status", adapters::VersionStatusName(version.status)},
                        {"heldout_loss", nullptr},
                        {"general_loss", nullptr},
                        {"samples", version.samples},
                        {"steps", version.steps},
                        {"tags", json::array(version.tags.begin(), version.tags.end())}};
  if (version.heldout_loss) document["heldout_loss"] = *version.heldout_loss;
  if (version.general_loss) document["general_loss"] = *version.general_loss;
  return document;
}

void AddLoraVerbs(CLI::App& root, Shell& shell) {
  CLI::App& lora =
      AddVerb(root, shell, "lora", "Teach a model: adapters, their training and their versions",
              "hyprstream lora list", {});
  lora.require_subcommand(0, 1);
  AddLoraCreateVerb(lora, shell);
  AddLoraListVerbs(lora, shell);
  AddLoraTrainVerbs(lora, shell);
  AddLoraAskVerbs(lora, shell);
  AddLoraEvalVerb(lora, shell);
  AddLoraDiffVerb(lora, shell);
  AddLoraCheckpointVerbs(lora, shell);
  AddLoraExportVerb(lora, shell);
  AddLoraImportVerb(lora, shell);
  AddLoraMergeVerb(lora, shell);
}

}  // namespace hyprstream::cli
