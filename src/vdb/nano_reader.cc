#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.h"
#include "vdb/nano_format.h"
#include "vdb/tile_address.h"

namespace hyprstream::vdb {
namespace {

using nano::Offsets;
using nano::Shape;

constexpr uint64_t kMagic = NANOVDB_MAGIC_NUMBER;

std::string Number(uint64_t value) { return std::to_string(value); }

nano::FileHeader ReadFileHeader(std::span<const std::byte> file) {
  constexpr size_t kLeast = sizeof(nano::FileHeader) + sizeof(nano::FileMetaData);
  if (file.size() < kLeast) RefuseFile(Number(kLeast) + " bytes", Number(file.size()), "header");
  nano::FileHeader header;
  std::memcpy(&header, file.data(), sizeof(header));
  if (header.version.getMajor() != NANOVDB_MAJOR_VERSION_NUMBER) {
    throw Error(ErrorCode::kUnsupported,
                {.message = "the grid was written by another version of NanoVDB",
                 .expected = "version " + Number(NANOVDB_MAJOR_VERSION_NUMBER),
                 .found = "version " + Number(header.version.getMajor())});
  }
  if (header.grids != 1 || header.codec != 0) {
    RefuseFile("one grid, not compressed",
               Number(header.grids) + " grids, codec " + Number(header.codec), "file header");
  }
  return header;
}

nano::FileMetaData ReadMetaData(std::span<const std::byte> file) {
  nano::FileMetaData meta;
  std::memcpy(&meta, file.data() + sizeof(nano::FileHeader), sizeof(meta));
  if (meta.type != nanovdb::GridType::Float && meta.type != nanovdb::GridType::Fp8) {
    RefuseFile("a grid of floats or one-byte codes",
               "type " + Number(static_cast<uint32_t>(meta.type)), "file header");
  }
  return meta;
}

std::string ReadName(std::span<const std::byte> file, const nano::FileMetaData& meta) {
  constexpr size_t kBegin = sizeof(nano::FileHeader) + sizeof(nano::FileMetaData);
  const std::span<const std::byte> rest = file.subspan(kBegin);
  const size_t limit = std::min<size_t>({meta.name_size, kMaxNameBytes + 1, rest.size()});
  const auto* text = reinterpret_cast<const char*>(rest.data());
  const size_t length = ::strnlen(text, limit);
  if (length == 0 || length == limit) {
    RefuseFile("a name of 1 to 255 bytes with its end", Number(length) + " bytes", "file header");
  }
  return {text, length};
}

/// The shape the file claims, once the claimed sizes add up to the file's own.
Shape ReadShape(std::span<const std::byte> file, const nano::FileMetaData& meta,
                std::string_view name) {
  Shape shape{.encoding = meta.type == nanovdb::GridType::Fp8 ? Encoding::kFp8 : Encoding::kF32,
              .name_bytes = name.size(),
              .metadata_bytes = 0,
              .upper = meta.nodes[2],
              .lower = meta.nodes[1],
              .leaves = meta.nodes[0]};
  // Counts are below 2^32 and nodes below 2^19 bytes: no sum overflows.
  const Offsets least(shape);
  if (file.size() < least.end) {
    RefuseFile("at least " + Number(least.end) + " bytes for its nodes", Number(file.size()),
               "file size");
  }
  nanovdb::GridBlindMetaData blind;
  std::memcpy(&blind, file.data() + least.blind_meta, sizeof(blind));
  if (blind.mElementCount < sizeof(nano::NanoBlind) ||
      blind.mElementCount > sizeof(nano::NanoBlind) + kMaxMetadataBytes) {
    RefuseFile("between 48 bytes and 16 MiB", Number(blind.mElementCount), "blind data");
  }
  shape.metadata_bytes = blind.mElementCount - sizeof(nano::NanoBlind);
  if (file.size() != Offsets(shape).end) {
    RefuseFile(Number(Offsets(shape).end) + " bytes", Number(file.size()), "file size");
  }
  return shape;
}

nano::NanoBlind ReadBlind(std::span<const std::byte> file, const Offsets& at) {
  nanovdb::GridBlindMetaData meta;
  std::memcpy(&meta, file.data() + at.blind_meta, sizeof(meta));
  nano::NanoBlind blind;
  std::memcpy(&blind, file.data() + at.blind, sizeof(blind));
  if (meta.mByteOffset != sizeof(meta) ||
      std::memcmp(meta.mName, nano::kBlindName, sizeof(nano::kBlindName)) != 0 ||
      std::memcmp(blind.magic, nano::kBlindMagic, sizeof(blind.magic)) != 0 ||
      blind.version != nano::kBlindVersion) {
    RefuseFile("a grid written by hyprstream, version 1", "other blind data", "blind data");
  }
  return blind;
}

struct Leaves {
  std::vector<uint32_t> tiles;
  uint64_t voxels = 0;
};

/// Both kinds of leaf begin alike: corner, flags, mask.
Leaves ReadLeaves(std::span<const std::byte> file, const Shape& shape) {
  const Offsets at(shape);
  Leaves leaves;
  leaves.tiles.reserve(shape.leaves);
  for (uint64_t i = 0; i < shape.leaves; ++i) {
    const std::byte* data = file.data() + at.leaves + i * nano::LeafBytes(shape.encoding);
    const auto& leaf = *reinterpret_cast<const nano::CodeLeaf*>(data);
    const nanovdb::Coord& corner = leaf.mBBoxMin;
    const auto tile = TileAt({.x = corner[0], .y = corner[1], .z = corner[2]});
    if (!tile || (i > 0 && *tile <= leaves.tiles.back()) || leaf.mFlags != 0) {
      RefuseFile("corners of leaves in ascending order", "another one", "leaf " + Number(i));
    }
    leaves.tiles.push_back(static_cast<uint32_t>(*tile));
    leaves.voxels += leaf.mValueMask.countOn();
  }
  return leaves;
}

/// Compares everything before the leaves with what it has to be, checksums aside. Returns the
/// checksum that the file has.
uint64_t CheckHead(std::span<const std::byte> file, const Shape& shape, std::string_view name,
                   const Leaves& leaves, nanovdb::Version version) {
  const Shape real =
      nano::ShapeOf(leaves.tiles, shape.encoding, shape.name_bytes, shape.metadata_bytes);
  if (real.upper != shape.upper || real.lower != shape.lower) {
    RefuseFile(Number(real.upper) + " upper, " + Number(real.lower) + " lower nodes",
               Number(shape.upper) + ", " + Number(shape.lower), "file header");
  }
  const Offsets at(shape);
  AlignedBuffer head =
      nano::BuildHead(shape, name, leaves.tiles, leaves.voxels, version, at.leaves);
  uint64_t checksum = 0;
  const size_t where = at.grid + offsetof(nanovdb::GridData, mChecksum);
  std::memcpy(&checksum, file.data() + where, sizeof(checksum));
  std::memcpy(head.data() + where, &checksum, sizeof(checksum));
  const std::span<const std::byte> mine(head.data(), at.leaves);
  const auto differs = std::ranges::mismatch(mine, file.first(at.leaves)).in1;
  if (differs != mine.end()) {
    RefuseFile("the tree that belongs to these leaves", "another byte",
               "offset " + Number(static_cast<uint64_t>(differs - mine.begin())));
  }
  return checksum;
}

void CheckMasks(std::span<const std::byte> file, const Shape& shape, const GridLayout& layout) {
  const Offsets at(shape);
  std::array<float, kTileWeights> values;
  for (uint64_t i = 0; i < shape.leaves; ++i) {
    const std::byte* data = file.data() + at.leaves + i * nano::LeafBytes(shape.encoding);
    const auto& leaf = *reinterpret_cast<const nano::CodeLeaf*>(data);
    if (shape.encoding == Encoding::kF32) {
      std::memcpy(values.data(), reinterpret_cast<const nano::FloatLeaf*>(data)->mValues,
                  sizeof(values));
    } else {
      for (uint32_t k = 0; k < kTileWeights; ++k) values[k] = leaf.getValue(k);
    }
    if (leaf.mValueMask != nano::MaskOf(values)) {
      RefuseFile("the values that are not zero as the active ones", "others",
                 "tile " + Number(layout.tiles[i]));
    }
  }
}

}  // namespace

bool IsNanoFile(std::span<const std::byte> file) {
  return file.size() >= sizeof(kMagic) && std::memcmp(file.data(), &kMagic, sizeof(kMagic)) == 0;
}

GridLayout ReadNano(std::span<const std::byte> file, Verify verify) {
  const nano::FileHeader header = ReadFileHeader(file);
  const nano::FileMetaData meta = ReadMetaData(file);
  GridLayout layout;
  layout.name = ReadName(file, meta);
  const Shape shape = ReadShape(file, meta, layout.name);
  const Offsets at(shape);
  const nano::NanoBlind blind = ReadBlind(file, at);
  Leaves leaves = ReadLeaves(file, shape);
  const uint64_t checksum = CheckHead(file, shape, layout.name, leaves, header.version);
  if (verify == Verify::kFull && nano::Checksum(file, shape) != checksum) {
    RefuseFile(Number(checksum), Number(nano::Checksum(file, shape)), "checksum");
  }
  const bool codes = shape.encoding == Encoding::kFp8;
  layout.encoding = shape.encoding;
  layout.metadata = file.subspan(at.blind + sizeof(blind), shape.metadata_bytes);
  std::memcpy(layout.identity.data(), blind.identity, sizeof(blind.identity));
  layout.tiles = std::move(leaves.tiles);
  layout.value_stride = nano::LeafBytes(shape.encoding);
  layout.values = file.data() + at.leaves + nano::kLeafValues;
  layout.scale_stride = codes ? layout.value_stride : 0;
  layout.scales = file.data() + at.leaves + nano::kLeafScale;
  layout.index = file.subspan(at.upper, at.leaves - at.upper);
  CheckTileValues(layout, verify);
  if (verify == Verify::kFull) CheckMasks(file, shape, layout);
  return layout;
}

}  // namespace hyprstream::vdb
