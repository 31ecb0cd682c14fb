// The grid a trainer works on: active tiles with their values and, where asked for, two moment
// buffers per tile that follow every change of topology (a tile that becomes active starts with
// zeros everywhere). Nothing is ever pruned: a tile stays active until it is deactivated.
//
// One thread changes the topology while nobody else touches the grid. Between such changes any
// number of threads may read and write, each its own tiles; indices and memory then stay put.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/memory_budget.h"
#include "tensor/tensor.h"
#include "vdb/backend.h"
#include "vdb/tile.h"

namespace hyprstream::vdb {

class TileTree;

enum class Moments { kNone, kKept };

struct TileGridOptions {
  Backend backend = DefaultBackend();
  Moments moments = Moments::kNone;
};

class TileGrid {
 public:
  explicit TileGrid(TileGridOptions options = {});
  ~TileGrid();
  TileGrid(TileGrid&&) noexcept;
  TileGrid& operator=(TileGrid&&) noexcept;

  // Topology. Tiles are below kTileLimit; activating an active tile and deactivating another change
  // nothing. The return value is how many changed.
  size_t Activate(std::span<const uint64_t> tiles);
  size_t Deactivate(std::span<const uint64_t> tiles);
  bool IsActive(uint64_t tile) const { return Find(tile) < size(); }

  // Active tiles in the order of their numbers, by index in [0, size()).
  size_t size() const { return slots_.size(); }
  uint64_t tile(size_t index) const { return slots_[index].tile; }
  /// Index of an active tile, size() for another.
  size_t Find(uint64_t tile) const;
  /// Index of the first active tile that is not below `tile`.
  size_t LowerBound(uint64_t tile) const;
  MutableTileValues values(size_t index) const;
  /// The grid must keep moments.
  MutableTileValues first_moment(size_t index) const;
  MutableTileValues second_moment(size_t index) const;
  std::vector<TileView> Views() const;

  /// Walks the tree itself and counts.
  TileStatistics Recount() const;
  /// What values and topology take, as the back end counts it, with this object's table.
  Bytes memory() const;
  /// What the moments take besides.
  Bytes moments_memory() const;

  /// Deactivates tiles that hold nothing but zeros and drops what only tiles of the past needed.
  /// Returns the number of tiles deactivated.
  size_t Compact();

  Backend backend() const { return options_.backend; }

 private:
  struct Slot {
    uint64_t tile = 0;
    float* values = nullptr;  // in the tree
    AlignedBuffer moments;    // [2, kTileWeights]
  };

  TileGridOptions options_;
  std::unique_ptr<TileTree> tree_;
  std::vector<Slot> slots_;  // ascending
};

}  // namespace hyprstream::vdb
