// The two file formats behind StoredGrid, which is what others use. Private to vdb/.
//
// .nvdb: a NanoVDB file of one uncompressed grid (nano_format.h). Stock NanoVDB tools list it.
// .tiles: the plain back end's own format (tiles_file.cc).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "tensor/tensor.h"
#include "vdb/grid_content.h"

namespace hyprstream::vdb {

enum class Verify {
  kFull,       // checksums, and the identity over every decoded value
  kStructure,  // sizes, offsets, tile numbers, scales: enough to compute with the file safely
};

/// Where the parts of a checked file lie. Pointers go into the mapping.
struct GridLayout {
  std::string name;
  Encoding encoding = Encoding::kF32;
  std::span<const std::byte> metadata;
  Sha256Digest identity{};      // as the file says
  std::vector<uint32_t> tiles;  // ascending
  // Tile i's values are at values + i * value_stride: 512 floats, or 512 codes whose Fp8Scale
  // (minimum, then quantum) is at scales + i * scale_stride.
  const std::byte* values = nullptr;
  size_t value_stride = 0;
  const std::byte* scales = nullptr;
  size_t scale_stride = 0;
  std::span<const std::byte> index;  // pages that only opening reads
};

/// Errors: kDataLoss for a file that is damaged, hostile, or not laid out as the writers below do;
/// kUnsupported for .nvdb where the build has no NanoVDB.
GridLayout ReadNano(std::span<const std::byte> file, Verify verify);
GridLayout ReadTiles(std::span<const std::byte> file, Verify verify);

/// The bytes of the file. `content` has passed CheckContent.
AlignedBuffer WriteNano(const GridContent& content, Encoding encoding);
AlignedBuffer WriteTiles(const GridContent& content, Encoding encoding);

bool IsNanoFile(std::span<const std::byte> file);
bool IsTilesFile(std::span<const std::byte> file);

/// For readers: throws kDataLoss.
[[noreturn]] void RefuseFile(std::string expected, std::string found, std::string where);
/// Continues zlib's CRC-32.
uint32_t Crc32(std::span<const std::byte> bytes, uint32_t crc = 0);
/// Checks what both formats share: scales, or finite floats when `verify` is kFull.
void CheckTileValues(const GridLayout& layout, Verify verify);

}  // namespace hyprstream::vdb
