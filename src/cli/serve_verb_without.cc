// A build without the server has no verb `serve` and nothing to measure it with.
#include "cli/shell.h"

namespace hyprstream::cli {

void AddServeVerb(CLI::App&, Shell&) {}
void AddBenchServeVerb(CLI::App&, Shell&) {}

}  // namespace hyprstream::cli
