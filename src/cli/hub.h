// How the verbs reach registries and the models of this machine: settings from the environment, the
// token of `auth login`, and the store in the data home.
#pragma once

#include <filesystem>

#include "cli/settings.h"
#include "registry/hub_settings.h"
#include "registry/ollama_settings.h"
#include "registry/store.h"

namespace hyprstream::cli {

/// The file that `auth login` writes, beside config.toml. Empty when there is no home folder.
std::filesystem::path TokenFile();

/// Errors: those of HubSettings::Read.
registry::HubSettings ReadHubSettings();

/// Errors: those of OllamaSettings::Read.
registry::OllamaSettings ReadOllamaSettings();

/// Errors: kFailedPrecondition when there is no home folder.
registry::StorePaths ModelStorePaths(const Settings& settings);

}  // namespace hyprstream::cli
