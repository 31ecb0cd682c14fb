#include <map>

#include "tensor/tensor.h"
#include "vdb/tile_tree.h"

namespace hyprstream::vdb {
namespace {

class PlainTree final : public TileTree {
 public:
  float* Touch(uint64_t tile) override {
    auto [entry, added] = tiles_.try_emplace(tile);
    if (added) entry->second = AlignedBuffer(kTileWeights * sizeof(float));
    return entry->second.as<float>();
  }

  void Erase(uint64_t tile) override { tiles_.erase(tile); }

  void Visit(const std::function<void(TileView)>& visitor) const override {
    for (const auto& [tile, values] : tiles_) {
      visitor({.tile = tile, .values = values.as<float>()});
    }
  }

  void Compact() override {}

  Bytes memory() const override {
    constexpr uint64_t kMapNode = 64;  // links, colour, number, pointer, size
    return {tiles_.size() * (kTileWeights * sizeof(float) + kMapNode)};
  }

 private:
  std::map<uint64_t, AlignedBuffer> tiles_;
};

}  // namespace

namespace internal {

std::unique_ptr<TileTree> MakePlainTree() { return std::make_unique<PlainTree>(); }

}  // namespace internal
}  // namespace hyprstream::vdb
