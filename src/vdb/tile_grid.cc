#include "vdb/tile_grid.h"

#include <algorithm>

#include "base/error.h"
#include "vdb/tile_tree.h"

namespace hyprstream::vdb {
namespace {

constexpr size_t kTileBytes = kTileWeights * sizeof(float);

std::vector<uint64_t> SortedUnique(std::span<const uint64_t> tiles) {
  std::vector<uint64_t> sorted(tiles.begin(), tiles.end());
  std::ranges::sort(sorted);
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  HYPR_CHECK(sorted.empty() || sorted.back() < kTileLimit);
  return sorted;
}

}  // namespace

TileGrid::TileGrid(TileGridOptions options)
    : options_(options), tree_(MakeTileTree(options.backend)) {}
TileGrid::~TileGrid() = default;
TileGrid::TileGrid(TileGrid&&) noexcept = default;
TileGrid& TileGrid::operator=(TileGrid&&) noexcept = default;

size_t TileGrid::Activate(std::span<const uint64_t> tiles) {
  const size_t before = size();
  for (const uint64_t tile : SortedUnique(tiles)) {
    const auto old = slots_.begin() + static_cast<std::ptrdiff_t>(before);
    const auto found = std::ranges::lower_bound(slots_.begin(), old, tile, {}, &Slot::tile);
    if (found != old && found->tile == tile) continue;
    Slot slot{.tile = tile, .values = tree_->Touch(tile), .moments = {}};
    if (options_.moments == Moments::kKept) slot.moments = AlignedBuffer(2 * kTileBytes);
    slots_.push_back(std::move(slot));
  }
  std::ranges::inplace_merge(slots_, slots_.begin() + static_cast<std::ptrdiff_t>(before), {},
                             &Slot::tile);
  return size() - before;
}

size_t TileGrid::Deactivate(std::span<const uint64_t> tiles) {
  const std::vector<uint64_t> gone = SortedUnique(tiles);
  return std::erase_if(slots_, [&](const Slot& slot) {
    if (!std::ranges::binary_search(gone, slot.tile)) return false;
    tree_->Erase(slot.tile);
    return true;
  });
}

size_t TileGrid::Find(uint64_t tile) const {
  const size_t index = LowerBound(tile);
  return index < size() && slots_[index].tile == tile ? index : size();
}

size_t TileGrid::LowerBound(uint64_t tile) const {
  return static_cast<size_t>(std::ranges::lower_bound(slots_, tile, {}, &Slot::tile) -
                             slots_.begin());
}

MutableTileValues TileGrid::values(size_t index) const {
  return MutableTileValues(slots_[index].values, kTileWeights);
}

MutableTileValues TileGrid::first_moment(size_t index) const {
  HYPR_CHECK(options_.moments == Moments::kKept);
  auto* moments = const_cast<float*>(slots_[index].moments.as<float>());
  return MutableTileValues(moments, kTileWeights);
}

MutableTileValues TileGrid::second_moment(size_t index) const {
  return MutableTileValues(first_moment(index).data() + kTileWeights, kTileWeights);
}

std::vector<TileView> TileGrid::Views() const {
  std::vector<TileView> views;
  views.reserve(size());
  for (const Slot& slot : slots_) views.push_back({.tile = slot.tile, .values = slot.values});
  return views;
}

TileStatistics TileGrid::Recount() const {
  TileStatistics counted;
  tree_->Visit([&](TileView view) {
    ++counted.tiles;
    counted.nonzeros += CountNonZeros(view.span());
  });
  return counted;
}

Bytes TileGrid::memory() const {
  return tree_->memory() + Bytes{sizeof(*this) + slots_.capacity() * sizeof(Slot)};
}

Bytes TileGrid::moments_memory() const {
  return {options_.moments == Moments::kKept ? size() * 2 * kTileBytes : 0};
}

size_t TileGrid::Compact() {
  std::vector<uint64_t> zeros;
  for (const Slot& slot : slots_) {
    if (CountNonZeros({slot.values, kTileWeights}) == 0) zeros.push_back(slot.tile);
  }
  const size_t gone = Deactivate(zeros);
  tree_->Compact();
  slots_.shrink_to_fit();
  return gone;
}

}  // namespace hyprstream::vdb
