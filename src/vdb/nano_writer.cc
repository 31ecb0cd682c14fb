#include <cstring>

#include "base/error.h"
#include "vdb/nano_format.h"
#include "vdb/tile_address.h"

namespace hyprstream::vdb {
namespace {

using nano::Offsets;

template <typename Leaf>
void FillLeaf(Leaf& leaf, const StoredTile& tile) {
  const Coordinate origin = TileOrigin(tile.tile);
  leaf.mBBoxMin = nanovdb::Coord(origin.x, origin.y, origin.z);
  leaf.mValueMask = nano::MaskOf(tile.values);
}

void FillLeaf(std::byte* at, const StoredTile& tile) {
  if (tile.encoded == nullptr) {
    auto& leaf = *reinterpret_cast<nano::FloatLeaf*>(at);
    FillLeaf(leaf, tile);
    std::memcpy(leaf.mValues, tile.values.data(), sizeof(leaf.mValues));
  } else {
    auto& leaf = *reinterpret_cast<nano::CodeLeaf*>(at);
    FillLeaf(leaf, tile);
    leaf.mMinimum = tile.encoded->scale.minimum;
    leaf.mQuantum = tile.encoded->scale.quantum;
    std::memcpy(leaf.mCode, tile.encoded->codes.data(), sizeof(leaf.mCode));
  }
}

void FillBlindData(AlignedBuffer& out, const Offsets& at, std::span<const std::byte> metadata,
                   const Sha256Digest& identity) {
  auto* meta = reinterpret_cast<nanovdb::GridBlindMetaData*>(out.data() + at.blind_meta);
  meta->mElementCount = sizeof(nano::NanoBlind) + metadata.size();
  std::memcpy(meta->mName, nano::kBlindName, sizeof(nano::kBlindName));
  meta->setBlindData(out.data() + at.blind);
  nano::NanoBlind blind{};
  std::memcpy(blind.magic, nano::kBlindMagic, sizeof(blind.magic));
  blind.version = nano::kBlindVersion;
  std::memcpy(blind.identity, identity.data(), identity.size());
  std::memcpy(out.data() + at.blind, &blind, sizeof(blind));
  if (metadata.empty()) return;
  std::memcpy(out.data() + at.blind + sizeof(blind), metadata.data(), metadata.size());
}

}  // namespace

AlignedBuffer WriteNano(const GridContent& content, Encoding encoding) {
  std::vector<uint32_t> tiles;
  for (const TileView& view : content.tiles) tiles.push_back(static_cast<uint32_t>(view.tile));
  uint64_t voxels = 0;
  ForEachStored(content, encoding,
                [&](const StoredTile& tile) { voxels += CountNonZeros(tile.values); });

  const nano::Shape shape =
      nano::ShapeOf(tiles, encoding, content.name.size(), content.metadata.size());
  const Offsets at(shape);
  AlignedBuffer out =
      nano::BuildHead(shape, content.name, tiles, voxels, nanovdb::Version(), at.end);
  IdentityHash identity(content.metadata, tiles.size());
  std::byte* leaf = out.data() + at.leaves;
  ForEachStored(content, encoding, [&](const StoredTile& tile) {
    FillLeaf(leaf, tile);
    identity.Add(tile.tile, tile.values);
    leaf += nano::LeafBytes(encoding);
  });
  FillBlindData(out, at, content.metadata, identity.Finish());
  auto* grid = reinterpret_cast<nanovdb::GridData*>(out.data() + at.grid);
  grid->mChecksum = nano::Checksum(std::span(out.data(), out.size()), shape);
  return out;
}

std::string NanoVdbVersion() { return nanovdb::Version().c_str(); }

}  // namespace hyprstream::vdb
