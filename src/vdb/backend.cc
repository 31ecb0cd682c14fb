#include "vdb/backend.h"

#include "base/error.h"
#include "vdb/tile_tree.h"

namespace hyprstream::vdb {

std::string_view BackendName(Backend backend) { return backend == Backend::kVdb ? "vdb" : "plain"; }

Backend DefaultBackend() { return IsBuilt(Backend::kVdb) ? Backend::kVdb : Backend::kPlain; }

bool IsBuilt(Backend backend) { return backend == Backend::kPlain || !OpenVdbVersion().empty(); }

std::unique_ptr<TileTree> MakeTileTree(Backend backend) {
  return backend == Backend::kVdb ? internal::MakeOpenVdbTree() : internal::MakePlainTree();
}

}  // namespace hyprstream::vdb
