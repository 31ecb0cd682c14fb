// Models opened for serving: engine, adapters, learner. The verb's thread.
#pragma once

#include <string>
#include <vector>

#include "cli/serve_flags.h"
#include "cli/shell.h"
#include "server/service.h"

namespace hyprstream::cli {

/// In the order of the flags. Shows progress. `budget` outlives the models. Errors: those of
/// opening, of the engine and of the catalogue; kUsage for names that are used twice.
std::vector<server::ServedModel> OpenModels(Shell& shell, const ServeFlags& flags,
                                            MemoryBudget& budget);

}  // namespace hyprstream::cli
