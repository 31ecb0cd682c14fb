// Which library keeps the tiles. OpenVDB and NanoVDB are what the program is built for; the plain
// back end (a map of tiles, a file of tiles) has the same interface and the same results, and is
// all there is when the program was configured with -DHYPR_VDB=OFF.
#pragma once

#include <string>
#include <string_view>

namespace hyprstream::vdb {

enum class Backend { kVdb, kPlain };

/// "vdb", "plain".
std::string_view BackendName(Backend backend);
/// kVdb where the build has it.
Backend DefaultBackend();
bool IsBuilt(Backend backend);

/// "10.0.1"; empty when the build has none.
std::string OpenVdbVersion();
std::string NanoVdbVersion();

}  // namespace hyprstream::vdb
