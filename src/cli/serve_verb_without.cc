// A build without the server has no verb `serve`.
#include "cli/shell.h"

namespace hyprstream::cli {

void AddServeVerb(CLI::App&, Shell&) {}

}  // namespace hyprstream::cli
