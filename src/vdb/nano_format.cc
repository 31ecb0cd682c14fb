#include "vdb/nano_format.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "vdb/tile_address.h"

namespace hyprstream::vdb::nano {
namespace {

using Node = nanovdb::NanoUpper<float>;

constexpr int kLowerBits = 12;
constexpr int kUpperBits = 15;
constexpr uint64_t kNamePadding = 64;
constexpr uint64_t kAlignment = NANOVDB_DATA_ALIGNMENT;

constexpr uint64_t PaddedTo(uint64_t bytes, uint64_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

nanovdb::Coord Origin(uint64_t tile) {
  const Coordinate c = TileOrigin(tile);
  return {c.x, c.y, c.z};
}

nanovdb::CoordBBox LeafBox(uint64_t tile) {
  const nanovdb::Coord origin = Origin(tile);
  return {origin, origin.offsetBy(7)};
}

/// The library's hash of a name.
uint64_t NameKey(std::string_view name) {
  uint64_t hash = 0;
  for (const char c : name) {
    const uint64_t overflow = hash >> 56;
    hash = hash * 67 + static_cast<unsigned char>(c) + overflow;
  }
  return hash;
}

/// A buffer being filled, addressed by offsets from the file's beginning.
class Head {
 public:
  Head(uint64_t bytes, const Shape& shape) : buffer_(bytes), at_(shape) {
    HYPR_CHECK(bytes >= at_.leaves);
  }

  template <typename T>
  T* As(uint64_t offset) {
    return reinterpret_cast<T*>(buffer_.data() + offset);
  }
  const Offsets& at() const { return at_; }
  AlignedBuffer Take() { return std::move(buffer_); }

 private:
  AlignedBuffer buffer_;
  Offsets at_;
};

void Extend(nanovdb::CoordBBox& box, uint64_t tile, bool first) {
  const nanovdb::CoordBBox leaf = LeafBox(tile);
  if (first) {
    box = leaf;
  } else {
    box.expand(leaf.min());
    box.expand(leaf.max());
  }
}

/// Root tiles, upper and lower nodes. Returns the box of all leaves.
nanovdb::CoordBBox LinkNodes(Head& head, std::span<const uint32_t> tiles, uint64_t leaf_bytes) {
  const Offsets& at = head.at();
  auto* root = head.As<Root>(at.root);
  nanovdb::CoordBBox all;
  uint64_t uppers = 0;
  uint64_t lowers = 0;
  for (size_t i = 0; i < tiles.size(); ++i) {
    const uint64_t tile = tiles[i];
    const auto new_at = [&](int bits) { return i == 0 || tiles[i - 1] >> bits != tile >> bits; };
    const bool new_upper = new_at(kLowerBits + kUpperBits);
    const bool new_lower = new_at(kLowerBits);
    uppers += new_upper ? 1 : 0;
    lowers += new_lower ? 1 : 0;
    auto* upper = head.As<Upper>(at.upper + (uppers - 1) * sizeof(Upper));
    auto* lower = head.As<Lower>(at.lower + (lowers - 1) * sizeof(Lower));
    if (new_upper) {
      root->mTableSize = static_cast<uint32_t>(uppers);
      root->tile(static_cast<uint32_t>(uppers - 1))
          ->setChild(Origin(tile), reinterpret_cast<Node*>(upper), root);
    }
    if (new_lower) {
      const auto n = static_cast<uint32_t>(tile >> kLowerBits & ((1u << kUpperBits) - 1));
      upper->mChildMask.setOn(n);
      upper->mTable[n].child = nanovdb::PtrDiff(lower, upper);
    }
    const auto n = static_cast<uint32_t>(tile & ((1u << kLowerBits) - 1));
    lower->mChildMask.setOn(n);
    lower->mTable[n].child = static_cast<int64_t>(at.leaves + i * leaf_bytes) -
                             static_cast<int64_t>(at.lower + (lowers - 1) * sizeof(Lower));
    Extend(upper->mBBox, tile, new_upper);
    Extend(lower->mBBox, tile, new_lower);
    Extend(all, tile, i == 0);
  }
  root->mBBox = all;
  return all;
}

void FillTree(Head& head, const Shape& shape, uint64_t voxels) {
  const Offsets& at = head.at();
  auto* tree = head.As<Tree>(at.tree);
  const auto offset = [&](uint64_t count, uint64_t where) {
    return count > 0 ? where - at.tree : 0;
  };
  tree->mNodeOffset[0] = offset(shape.leaves, at.leaves);
  tree->mNodeOffset[1] = offset(shape.lower, at.lower);
  tree->mNodeOffset[2] = offset(shape.upper, at.upper);
  tree->mNodeOffset[3] = at.root - at.tree;
  tree->mNodeCount[0] = static_cast<uint32_t>(shape.leaves);
  tree->mNodeCount[1] = static_cast<uint32_t>(shape.lower);
  tree->mNodeCount[2] = static_cast<uint32_t>(shape.upper);
  tree->mVoxelCount = voxels;
}

nanovdb::BBox<nanovdb::Vec3d> WorldBox(const nanovdb::CoordBBox& box, bool empty) {
  if (empty) return {};
  return {box.min().asVec3d(), box.max().offsetBy(1).asVec3d()};
}

nanovdb::GridType TypeOf(Encoding encoding) {
  return encoding == Encoding::kFp8 ? nanovdb::GridType::Fp8 : nanovdb::GridType::Float;
}

}  // namespace

uint64_t LeafBytes(Encoding encoding) {
  return encoding == Encoding::kFp8 ? sizeof(CodeLeaf) : sizeof(FloatLeaf);
}

Offsets::Offsets(const Shape& shape) {
  grid = sizeof(FileHeader) + sizeof(FileMetaData) + PaddedTo(shape.name_bytes + 1, kNamePadding);
  tree = grid + sizeof(nanovdb::GridData);
  root = tree + sizeof(Tree);
  upper = root + sizeof(Root) + shape.upper * sizeof(Root::Tile);
  lower = upper + shape.upper * sizeof(Upper);
  leaves = lower + shape.lower * sizeof(Lower);
  blind_meta = leaves + shape.leaves * LeafBytes(shape.encoding);
  blind = blind_meta + sizeof(nanovdb::GridBlindMetaData);
  end = blind + PaddedTo(sizeof(NanoBlind) + shape.metadata_bytes, kAlignment);
}

Shape ShapeOf(std::span<const uint32_t> tiles, Encoding encoding, uint64_t name_bytes,
              uint64_t metadata_bytes) {
  Shape shape{.encoding = encoding,
              .name_bytes = name_bytes,
              .metadata_bytes = metadata_bytes,
              .leaves = tiles.size()};
  for (size_t i = 0; i < tiles.size(); ++i) {
    const auto differs = [&](int bits) {
      return i == 0 || tiles[i - 1] >> bits != tiles[i] >> bits;
    };
    shape.upper += differs(kLowerBits + kUpperBits) ? 1 : 0;
    shape.lower += differs(kLowerBits) ? 1 : 0;
  }
  return shape;
}

AlignedBuffer BuildHead(const Shape& shape, std::string_view name, std::span<const uint32_t> tiles,
                        uint64_t voxels, nanovdb::Version version, uint64_t bytes) {
  Head head(bytes, shape);
  const Offsets& at = head.at();
  const nanovdb::CoordBBox box = LinkNodes(head, tiles, LeafBytes(shape.encoding));
  FillTree(head, shape, voxels);

  auto* grid = head.As<nanovdb::GridData>(at.grid);
  grid->mMagic = NANOVDB_MAGIC_NUMBER;
  grid->mVersion = version;
  grid->setBreadthFirstOn();
  grid->mGridCount = 1;
  grid->mGridSize = at.end - at.grid;
  std::memcpy(grid->mGridName, name.data(), name.size());
  grid->mMap.set(1.0, nanovdb::Vec3d(0.0), 1.0);
  grid->mWorldBBox = WorldBox(box, tiles.empty());
  grid->mVoxelSize = nanovdb::Vec3R(1.0);
  grid->mGridType = TypeOf(shape.encoding);
  grid->mBlindMetadataOffset = static_cast<int64_t>(at.blind_meta - at.grid);
  grid->mBlindMetadataCount = 1;

  *head.As<FileHeader>(0) = {
      .magic = NANOVDB_MAGIC_NUMBER, .version = version, .grids = 1, .codec = 0};
  auto* meta = head.As<FileMetaData>(sizeof(FileHeader));
  meta->grid_size = meta->file_size = grid->mGridSize;
  meta->name_key = NameKey(name);
  meta->voxels = voxels;
  meta->type = grid->mGridType;
  meta->grid_class = grid->mGridClass;
  meta->world_box = grid->mWorldBBox;
  meta->index_box = box;
  meta->voxel_size = grid->mVoxelSize;
  meta->name_size = static_cast<uint32_t>(at.grid - sizeof(FileHeader) - sizeof(FileMetaData));
  meta->nodes[0] = static_cast<uint32_t>(shape.leaves);
  meta->nodes[1] = static_cast<uint32_t>(shape.lower);
  meta->nodes[2] = static_cast<uint32_t>(shape.upper);
  meta->nodes[3] = 1;
  meta->version = version;
  std::memcpy(head.As<char>(sizeof(FileHeader) + sizeof(FileMetaData)), name.data(), name.size());
  return head.Take();
}

uint64_t Checksum(std::span<const std::byte> file, const Shape& shape) {
  const Offsets at(shape);
  constexpr uint64_t kUnchecked = 16;  // magic and checksum
  const uint64_t begin = at.grid + kUnchecked;
  const uint32_t first = Crc32(file.subspan(begin, at.upper - begin));
  if (shape.leaves == 0) return uint64_t{0xFFFFFFFF} << 32 | first;
  std::vector<uint64_t> sums;
  const auto add = [&](uint64_t offset, uint64_t count, uint64_t size) {
    for (uint64_t i = 0; i < count; ++i) {
      sums.push_back(Crc32(file.subspan(offset + i * size, size)));
    }
  };
  add(at.upper, shape.upper, sizeof(Upper));
  add(at.lower, shape.lower, sizeof(Lower));
  add(at.leaves, shape.leaves, LeafBytes(shape.encoding));
  return uint64_t{Crc32(std::as_bytes(std::span(sums)))} << 32 | first;
}

nanovdb::Mask<3> MaskOf(TileValues values) {
  nanovdb::Mask<3> mask;
  for (uint32_t i = 0; i < kTileWeights; ++i) {
    if (values[i] != 0.0f) mask.setOn(i);
  }
  return mask;
}

}  // namespace hyprstream::vdb::nano
