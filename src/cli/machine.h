// Names of the machine, for `version` and `bench`.
#pragma once

#include <string>

namespace hyprstream::cli {

/// "AMD EPYC 9B14", from /proc/cpuinfo; "unknown" when it cannot be told.
std::string ProcessorName();

}  // namespace hyprstream::cli
