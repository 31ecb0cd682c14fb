#include "vdb/grid_content.h"

#include <array>
#include <bit>
#include <cmath>
#include <string_view>

#include "base/error.h"

namespace hyprstream::vdb {
namespace {

static_assert(std::endian::native == std::endian::little, "files are written as memory lies");

[[noreturn]] void Refuse(std::string expected, std::string found, std::string where) {
  throw Error(ErrorCode::kInvalidArgument, {.message = "this grid cannot be stored",
                                            .expected = std::move(expected),
                                            .found = std::move(found),
                                            .where = std::move(where)});
}

void CheckTile(const TileView& view, float limit) {
  for (const float value : view.span()) {
    if (!(std::fabs(value) <= limit)) {
      Refuse("magnitudes up to " + std::to_string(limit), std::to_string(value),
             "tile " + std::to_string(view.tile));
    }
  }
}

}  // namespace

void CheckContent(const GridContent& content, Encoding encoding) {
  if (content.name.empty() || content.name.size() > kMaxNameBytes ||
      content.name.find('\0') != std::string::npos) {
    Refuse("a name of 1 to 255 bytes without NUL", std::to_string(content.name.size()) + " bytes",
           "name");
  }
  if (content.metadata.size() > kMaxMetadataBytes) {
    Refuse("at most 16 MiB", std::to_string(content.metadata.size()) + " bytes", "metadata");
  }
  const float limit = encoding == Encoding::kFp8 ? kFp8Limit : std::numeric_limits<float>::max();
  uint64_t least = 0;
  for (const TileView& view : content.tiles) {
    if (view.tile < least || view.tile >= kTileLimit) {
      Refuse("ascending tiles below 2^32", "tile " + std::to_string(view.tile),
             "after tile " + std::to_string(least) + " less one");
    }
    least = view.tile + 1;
    CheckTile(view, limit);
  }
}

void ForEachStored(const GridContent& content, Encoding encoding,
                   const std::function<void(const StoredTile&)>& visitor) {
  std::array<float, kTileWeights> decoded;
  for (const TileView& view : content.tiles) {
    if (encoding == Encoding::kF32) {
      visitor({.tile = view.tile, .values = view.span()});
      continue;
    }
    const Fp8Tile encoded = EncodeFp8(view.span());
    for (size_t i = 0; i < decoded.size(); ++i) {
      decoded[i] = encoded.scale.Decode(encoded.codes[i]);
    }
    visitor({.tile = view.tile, .values = decoded, .encoded = &encoded});
  }
}

IdentityHash::IdentityHash(std::span<const std::byte> metadata, uint64_t tiles) {
  constexpr std::string_view kHead = "hyprstream grid 1\n";
  const uint64_t size = metadata.size();
  hash_.Update(std::as_bytes(std::span(kHead)));
  hash_.Update(std::as_bytes(std::span(&size, 1)));
  hash_.Update(metadata);
  hash_.Update(std::as_bytes(std::span(&tiles, 1)));
}

void IdentityHash::Add(uint64_t tile, TileValues values) {
  hash_.Update(std::as_bytes(std::span(&tile, 1)));
  hash_.Update(std::as_bytes(values));
}

}  // namespace hyprstream::vdb
