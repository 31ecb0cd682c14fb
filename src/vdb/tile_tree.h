// Topology and values of a grid's tiles, as one back end keeps them. Private to vdb/: TileGrid is
// what others use. Not thread-safe; the memory of one tile may be used while no call is made.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "base/memory_budget.h"
#include "vdb/backend.h"
#include "vdb/tile.h"

namespace hyprstream::vdb {

class TileTree {
 public:
  virtual ~TileTree() = default;

  /// Memory of the tile, zeroed when it was not active. It stays where it is until Erase or Clear.
  virtual float* Touch(uint64_t tile) = 0;
  virtual void Erase(uint64_t tile) = 0;
  /// Every active tile, in the order of the numbers.
  virtual void Visit(const std::function<void(TileView)>& visitor) const = 0;
  /// Drops what only tiles of the past needed. Tiles keep their memory.
  virtual void Compact() = 0;
  /// What the back end says it holds.
  virtual Bytes memory() const = 0;
};

/// Errors: kUnsupported when the build does not have the back end.
std::unique_ptr<TileTree> MakeTileTree(Backend backend);

namespace internal {
std::unique_ptr<TileTree> MakeOpenVdbTree();
std::unique_ptr<TileTree> MakePlainTree();
}  // namespace internal

}  // namespace hyprstream::vdb
