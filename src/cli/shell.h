// What every verb is given: where results go, the terminal, the settings, and the flags that all
// verbs share. A verb's Add function declares its arguments and leaves an action behind, which runs
// when the whole command line has been understood.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "cli/output.h"
#include "cli/profile.h"
#include "cli/settings.h"
#include "cli/terminal.h"

namespace CLI {
class App;
}

namespace hyprstream::cli {

struct Shell {
  Output& out;
  Terminal terminal;
  Profile profile;
  std::optional<std::filesystem::path> config_file;
  Settings settings;
  std::function<int()> action;  // returns the exit status
};

/// A verb that runs `action` when chosen. `example` is shown under its --help.
CLI::App& AddVerb(CLI::App& parent, Shell& shell, const std::string& name, const std::string& help,
                  const std::string& example, std::function<int()> action);

/// One for each file of verbs.
void AddRunVerbs(CLI::App& root, Shell& shell);
void AddChatVerb(CLI::App& root, Shell& shell);
void AddModelVerbs(CLI::App& root, Shell& shell);
void AddModelConvertVerb(CLI::App& model, Shell& shell);
void AddModelInfoVerb(CLI::App& model, Shell& shell, const std::string& name);
void AddModelListVerb(CLI::App& model, Shell& shell, const std::string& name);
void AddModelPullVerb(CLI::App& model, Shell& shell);
void AddModelPushVerb(CLI::App& model, Shell& shell);
void AddModelSearchVerb(CLI::App& model, Shell& shell);
void AddModelTestVerb(CLI::App& model, Shell& shell);
void AddModelVerifyVerb(CLI::App& model, Shell& shell);
void AddLoraVerbs(CLI::App& root, Shell& shell);
void AddAuthVerbs(CLI::App& root, Shell& shell);
void AddServeVerb(CLI::App& root, Shell& shell);
void AddBenchVerbs(CLI::App& root, Shell& shell);
void AddBenchServeVerb(CLI::App& bench, Shell& shell);
void AddBenchTokenizerVerb(CLI::App& bench, Shell& shell);
void AddBenchTrainVerb(CLI::App& bench, Shell& shell);
void AddDebugVerbs(CLI::App& root, Shell& shell);
void AddDebugTokenVerbs(CLI::App& debug, Shell& shell);
void AddDebugTemplateVerb(CLI::App& debug, Shell& shell);
void AddDebugLogitsVerb(CLI::App& debug, Shell& shell);
void AddDebugHiddenVerb(CLI::App& debug, Shell& shell);
void AddDebugGenerateVerb(CLI::App& debug, Shell& shell);
void AddDebugGradientsVerb(CLI::App& debug, Shell& shell);
void AddDebugTensorsVerb(CLI::App& debug, Shell& shell);
void AddDebugTrainVerb(CLI::App& debug, Shell& shell);
void AddDebugSampleVerb(CLI::App& debug, Shell& shell);
void AddSettingsVerb(CLI::App& root, Shell& shell);
void AddVersionVerb(CLI::App& root, Shell& shell);
void AddCompletionVerb(CLI::App& root, Shell& shell);

/// The whole program.
int RunProgram(int argc, const char* const* argv);

}  // namespace hyprstream::cli
