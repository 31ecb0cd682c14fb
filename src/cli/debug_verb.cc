// `debug …`: what the engine computes, for comparison with other implementations.
#include <CLI/CLI.hpp>

#include "cli/shell.h"

namespace hyprstream::cli {

void AddDebugVerbs(CLI::App& root, Shell& shell) {
  CLI::App& debug =
      AddVerb(root, shell, "debug", "What the engine computes, to compare with other programs",
              "echo '{\"text\": \"Hello\"}' | hyprstream debug tokenize willowbrook", {});
  debug.require_subcommand(0, 1);
  AddDebugTokenVerbs(debug, shell);
  AddDebugTemplateVerb(debug, shell);
  AddDebugLogitsVerb(debug, shell);
  AddDebugHiddenVerb(debug, shell);
  AddDebugGenerateVerb(debug, shell);
  AddDebugGradientsVerb(debug, shell);
  AddDebugTrainVerb(debug, shell);
  AddDebugTensorsVerb(debug, shell);
  AddDebugSampleVerb(debug, shell);
}

}  // namespace hyprstream::cli
