// How a grid lies in a NanoVDB file: one segment with one uncompressed grid, nodes breadth first,
// laid out in one way only, so that a reader can build everything before the leaves itself and
// compare instead of following links. Private to the files of vdb/ that include NanoVDB.
//
//   file header 16, meta data 176, name padded with NUL to a multiple of 64 (the payload lies on a
//   64-byte border), GridData 672, TreeData 64, root 64 + 32 a root tile, upper nodes, lower nodes,
//   leaves (608 bytes with codes, 2144 with floats), one GridBlindMetaData 288 named "hyprstream",
//   whose data are: NanoBlind (48 bytes), the metadata, NUL to a multiple of 32.
//
// Leaves are in the order of tile numbers. A voxel is active when its decoded value is not zero, so
// the counts that stock tools print are the non-zero weights; a tile of zeros is a leaf without
// active voxels. Bounding boxes are those of whole leaves. There are no minima, maxima or averages.
// Both checksums of NanoVDB are filled in ("full").
#pragma once

#include <nanovdb/NanoVDB.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"
#include "vdb/grid_files.h"

namespace hyprstream::vdb::nano {

// The nodes above the leaves are the same for both encodings.
using Root = nanovdb::NanoRoot<float>::DataType;
using Upper = nanovdb::NanoUpper<float>::DataType;
using Lower = nanovdb::NanoLower<float>::DataType;
using FloatLeaf = nanovdb::NanoLeaf<float>::DataType;
using CodeLeaf = nanovdb::NanoLeaf<nanovdb::Fp8>::DataType;
using Tree = nanovdb::TreeData<3>;
static_assert(sizeof(nanovdb::NanoRoot<nanovdb::Fp8>::DataType) == sizeof(Root));
static_assert(sizeof(nanovdb::NanoUpper<nanovdb::Fp8>::DataType) == sizeof(Upper));
static_assert(sizeof(nanovdb::NanoLower<nanovdb::Fp8>::DataType) == sizeof(Lower));
static_assert(sizeof(CodeLeaf) == 608 && sizeof(FloatLeaf) == 2144);
// Inside a leaf of either kind; the scale (minimum, quantum) is in leaves of codes only.
inline constexpr size_t kLeafScale = 80;
inline constexpr size_t kLeafValues = 96;

/// As nanovdb::io::Header and MetaData, whose header drags in streams.
struct FileHeader {
  uint64_t magic;
  nanovdb::Version version;
  uint16_t grids;
  uint16_t codec;
};
static_assert(sizeof(FileHeader) == 16);

struct FileMetaData {
  uint64_t grid_size, file_size, name_key, voxels;
  nanovdb::GridType type;
  nanovdb::GridClass grid_class;
  nanovdb::BBox<nanovdb::Vec3d> world_box;
  nanovdb::CoordBBox index_box;
  nanovdb::Vec3R voxel_size;
  uint32_t name_size;
  uint32_t nodes[4];
  uint32_t tiles[3];
  uint16_t codec;
  uint16_t padding;
  nanovdb::Version version;
};
static_assert(sizeof(FileMetaData) == 176);

inline constexpr char kBlindName[] = "hyprstream";
inline constexpr char kBlindMagic[8] = {'H', 'Y', 'P', 'R', 'G', 'R', 'I', 'D'};
inline constexpr uint32_t kBlindVersion = 1;
struct NanoBlind {
  char magic[8];
  uint32_t version;
  uint32_t zero;
  uint8_t identity[32];
};
static_assert(sizeof(NanoBlind) == 48);

/// What decides every offset.
struct Shape {
  Encoding encoding = Encoding::kF32;
  uint64_t name_bytes = 0;
  uint64_t metadata_bytes = 0;
  uint64_t upper = 0;
  uint64_t lower = 0;
  uint64_t leaves = 0;
};

/// Offsets from the beginning of the file.
struct Offsets {
  uint64_t grid, tree, root, upper, lower, leaves, blind_meta, blind, end;

  explicit Offsets(const Shape& shape);
};

uint64_t LeafBytes(Encoding encoding);
/// The same for ascending tile numbers.
Shape ShapeOf(std::span<const uint32_t> tiles, Encoding encoding, uint64_t name_bytes,
              uint64_t metadata_bytes);

/// The file from its beginning to the first leaf, both checksums zero, in a buffer of `bytes`
/// (the rest zeros). `version` is the library's that wrote the file.
AlignedBuffer BuildHead(const Shape& shape, std::string_view name, std::span<const uint32_t> tiles,
                        uint64_t voxels, nanovdb::Version version, uint64_t bytes);

/// NanoVDB's pair of CRC-32: grid, tree and root; then the nodes' own sums.
uint64_t Checksum(std::span<const std::byte> file, const Shape& shape);

/// Bits of the values that are not zero, in the order of the leaf's offsets.
nanovdb::Mask<3> MaskOf(TileValues values);

}  // namespace hyprstream::vdb::nano
