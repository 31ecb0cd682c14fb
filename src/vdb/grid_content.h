// What is written into a grid file, borrowed for the time of the call: a name for the tools that
// list it, bytes that mean something to the layer above, tiles in the order of their numbers.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/hash.h"
#include "vdb/encoding.h"
#include "vdb/tile.h"

namespace hyprstream::vdb {

inline constexpr size_t kMaxNameBytes = 255;
inline constexpr size_t kMaxMetadataBytes = size_t{1} << 24;

struct GridContent {
  std::string name;                       // 1 to kMaxNameBytes bytes, no NUL
  std::span<const std::byte> metadata{};  // at most kMaxMetadataBytes
  std::vector<TileView> tiles{};          // ascending numbers, each once, finite values
};

/// Errors: kInvalidArgument naming the tile for what is not as said above, or does not fit the
/// encoding.
void CheckContent(const GridContent& content, Encoding encoding);

/// A tile as it will be read back.
struct StoredTile {
  uint64_t tile = 0;
  TileValues values;                 // decoded
  const Fp8Tile* encoded = nullptr;  // null: exact floats
};
void ForEachStored(const GridContent& content, Encoding encoding,
                   const std::function<void(const StoredTile&)>& visitor);

/// Identity of a grid whatever file it lies in: SHA-256 over the line "hyprstream grid 1\n", the
/// metadata's size (u64) and bytes, the number of tiles (u64), and for each tile its number (u64)
/// and its 512 decoded floats, all little-endian.
class IdentityHash {
 public:
  IdentityHash(std::span<const std::byte> metadata, uint64_t tiles);
  void Add(uint64_t tile, TileValues values);
  Sha256Digest Finish() { return hash_.Finish(); }

 private:
  Sha256 hash_;
};

}  // namespace hyprstream::vdb
