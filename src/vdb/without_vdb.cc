// Takes the place of the OpenVDB and NanoVDB files in a build without them (-DHYPR_VDB=OFF).
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "vdb/backend.h"
#include "vdb/grid_files.h"
#include "vdb/tile_tree.h"

namespace hyprstream::vdb {
namespace {

[[noreturn]] void RefuseBackend() {
  throw Error(ErrorCode::kUnsupported,
              {.message = "this program was built without OpenVDB and NanoVDB",
               .expected = "the plain back end, whose files end in .tiles",
               .hint = "build with -DHYPR_VDB=ON (packages libopenvdb-dev, libnanovdb-dev)"});
}

}  // namespace

namespace internal {
std::unique_ptr<TileTree> MakeOpenVdbTree() { RefuseBackend(); }
}  // namespace internal

std::string OpenVdbVersion() { return {}; }
std::string NanoVdbVersion() { return {}; }

bool IsNanoFile(std::span<const std::byte> file) {
  constexpr std::string_view kMagic = "NanoVDB0";
  return file.size() >= kMagic.size() &&
         std::memcmp(file.data(), kMagic.data(), kMagic.size()) == 0;
}

GridLayout ReadNano(std::span<const std::byte> /*file*/, Verify /*verify*/) { RefuseBackend(); }
AlignedBuffer WriteNano(const GridContent& /*content*/, Encoding /*encoding*/) { RefuseBackend(); }

}  // namespace hyprstream::vdb
