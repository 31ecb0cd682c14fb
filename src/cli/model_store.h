// The models of this user's store, as the verbs see them, and the verbs that are only about it.
#pragma once

#include <boost/json/fwd.hpp>
#include <optional>
#include <string>

#include "cli/settings.h"
#include "cli/shell.h"
#include "registry/store.h"

namespace hyprstream::cli {

/// None when nothing was ever stored: looking makes nothing.
std::optional<registry::Store> StoredModels(const Settings& settings);

/// {"reference", "registry", "revision", "refs", "source", "created", "bytes", "files": […]}
boost::json::object StoredDocument(const registry::ModelRecord& model);

/// True when the user says yes, or said so with --yes. Errors: kUsage without a terminal to ask on.
enum class Consent { kAsk, kGiven };
bool Confirm(Shell& shell, const std::string& question, Consent consent);

void AddModelCacheVerbs(CLI::App& model, Shell& shell);
void AddModelRegistriesVerb(CLI::App& model, Shell& shell);
void AddModelRemoveVerb(CLI::App& model, Shell& shell, const std::string& name);

}  // namespace hyprstream::cli
