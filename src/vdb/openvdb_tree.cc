// The one file that includes OpenVDB: it takes half a minute to compile.
#include <openvdb/openvdb.h>
#include <openvdb/version.h>
#include <tbb/global_control.h>

#include <utility>
#include <vector>

#include "base/error.h"
#include "vdb/tile_address.h"
#include "vdb/tile_tree.h"

namespace hyprstream::vdb {
namespace {

using Tree = openvdb::FloatTree;
using Leaf = Tree::LeafNodeType;
static_assert(Leaf::SIZE == kTileWeights);

openvdb::Coord Origin(uint64_t tile) {
  const Coordinate origin = TileOrigin(tile);
  return {origin.x, origin.y, origin.z};
}

uint64_t TileOf(const Leaf& leaf) {
  const openvdb::Coord& origin = leaf.origin();
  const auto tile = TileAt({.x = origin.x(), .y = origin.y(), .z = origin.z()});
  HYPR_CHECK(tile.has_value());
  return *tile;
}

class OpenVdbTree final : public TileTree {
 public:
  OpenVdbTree() : grid_(openvdb::FloatGrid::create(0.0f)) {}

  float* Touch(uint64_t tile) override {
    const openvdb::Coord origin = Origin(tile);
    Leaf* leaf = tree().probeLeaf(origin);
    if (leaf == nullptr) {
      leaf = tree().touchLeaf(origin);
      leaf->buffer().fill(0.0f);
      leaf->setValuesOn();
    }
    return leaf->buffer().data();
  }

  void Erase(uint64_t tile) override {
    delete tree().stealNode<Leaf>(Origin(tile), 0.0f, /*active=*/false);
  }

  void Visit(const std::function<void(TileView)>& visitor) const override {
    for (auto leaf = grid_->constTree().cbeginLeaf(); leaf; ++leaf) {
      visitor({.tile = TileOf(*leaf), .values = leaf->buffer().data()});
    }
  }

  void Compact() override {
    std::vector<Leaf*> leaves;
    tree().stealNodes(leaves, 0.0f, /*active=*/false);
    tree().clear();
    for (Leaf* leaf : leaves) tree().addLeaf(leaf);
  }

  Bytes memory() const override { return {grid_->constTree().memUsage()}; }

 private:
  Tree& tree() { return grid_->tree(); }

  // Threads are the engine's to give: OpenVDB computes on whoever calls it, without TBB's own
  // workers. Outlives the grid, whose destruction would wake them too.
  tbb::global_control one_thread_{tbb::global_control::max_allowed_parallelism, 1};
  openvdb::FloatGrid::Ptr grid_;
};

}  // namespace

namespace internal {

std::unique_ptr<TileTree> MakeOpenVdbTree() { return std::make_unique<OpenVdbTree>(); }

}  // namespace internal

std::string OpenVdbVersion() { return OPENVDB_LIBRARY_VERSION_STRING; }

}  // namespace hyprstream::vdb
