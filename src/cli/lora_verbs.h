// The verbs below `lora`, and what they share: the store of adapters and how an adapter is shown.
#pragma once

#include <boost/json/fwd.hpp>
#include <string>

#include "adapters/store.h"
#include "cli/shell.h"

namespace hyprstream::cli {

adapters::AdapterStore OpenStore();

/// "tone" or "tone@7".
struct AdapterReference {
  std::string name;
  std::string version;  // empty: the current one
};
AdapterReference ParseAdapterReference(const std::string& text);

/// A model as it can be found again from any folder: a path becomes absolute, a name stays one.
std::string LastingReference(const std::string& model);

boost::json::object AdapterDocument(const adapters::AdapterRecord& record);
boost::json::object VersionDocument(const adapters::VersionRecord& version);

void AddLoraCreateVerb(CLI::App& lora, Shell& shell);
void AddLoraListVerbs(CLI::App& lora, Shell& shell);
void AddLoraCheckpointVerbs(CLI::App& lora, Shell& shell);
void AddLoraTrainVerbs(CLI::App& lora, Shell& shell);
void AddLoraAskVerbs(CLI::App& lora, Shell& shell);
void AddLoraDiffVerb(CLI::App& lora, Shell& shell);
void AddLoraEvalVerb(CLI::App& lora, Shell& shell);
void AddLoraExportVerb(CLI::App& lora, Shell& shell);
void AddLoraImportVerb(CLI::App& lora, Shell& shell);
void AddLoraMergeVerb(CLI::App& lora, Shell& shell);
void AddLoraSampleVerb(CLI::App& train, Shell& shell);

}  // namespace hyprstream::cli
