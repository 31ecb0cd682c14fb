#include "vdb/stored_grid.h"

#include <algorithm>
#include <cstring>

#include "base/atomic_file.h"
#include "base/error.h"

namespace hyprstream::vdb {
namespace {

Sha256Digest IdentityOf(const GridContent& content, Encoding encoding) {
  IdentityHash hash(content.metadata, content.tiles.size());
  ForEachStored(content, encoding,
                [&](const StoredTile& tile) { hash.Add(tile.tile, tile.values); });
  return hash.Finish();
}

Sha256Digest IdentityOf(const StoredGrid& grid) {
  IdentityHash hash(grid.metadata(), grid.size());
  std::array<float, kTileWeights> values;
  for (size_t i = 0; i < grid.size(); ++i) {
    grid.Read(i, values);
    hash.Add(grid.tile(i), values);
  }
  return hash.Finish();
}

struct Parsed {
  Backend backend;
  GridLayout layout;
};

Parsed Parse(std::span<const std::byte> file, Verify verify) {
  if (IsNanoFile(file)) return {Backend::kVdb, ReadNano(file, verify)};
  if (IsTilesFile(file)) return {Backend::kPlain, ReadTiles(file, verify)};
  RefuseFile("a NanoVDB file or a file of tiles", "other first bytes", "offset 0");
}

}  // namespace

Sha256Digest WriteGrid(const std::filesystem::path& path, const GridContent& content,
                       Encoding encoding, Backend backend) {
  CheckContent(content, encoding);
  const AlignedBuffer bytes =
      backend == Backend::kVdb ? WriteNano(content, encoding) : WriteTiles(content, encoding);
  AtomicFile file(path);
  file.Write(std::span(bytes.data(), bytes.size()));
  file.Commit();
  return IdentityOf(content, encoding);
}

bool IsGridFile(const std::filesystem::path& path) {
  const auto file = MappedFile::Open(path);
  return IsNanoFile(file->bytes()) || IsTilesFile(file->bytes());
}

std::shared_ptr<const StoredGrid> StoredGrid::Open(const std::filesystem::path& path,
                                                   Verify verify) {
  auto file = MappedFile::Open(path);
  try {
    auto [backend, layout] = Parse(file->bytes(), verify);
    std::shared_ptr<StoredGrid> grid(new StoredGrid(file, backend, std::move(layout)));
    if (verify == Verify::kFull && IdentityOf(*grid) != grid->identity()) {
      RefuseFile(ToHex(grid->identity()), ToHex(IdentityOf(*grid)), "identity");
    }
    file->DropPages(grid->layout_.index);
    return grid;
  } catch (const Error& error) {
    throw error.Within(path.string());
  }
}

Bytes StoredGrid::memory() const {
  const size_t per_tile = layout_.value_stride == layout_.scale_stride
                              ? layout_.value_stride
                              : layout_.value_stride + layout_.scale_stride;
  return {sizeof(*this) + size() * (per_tile + sizeof(uint32_t)) + name().capacity()};
}

std::optional<size_t> StoredGrid::Find(uint64_t tile) const {
  const size_t index = LowerBound(tile);
  if (index == size() || layout_.tiles[index] != tile) return std::nullopt;
  return index;
}

size_t StoredGrid::LowerBound(uint64_t tile) const {
  return static_cast<size_t>(std::ranges::lower_bound(layout_.tiles, tile) - layout_.tiles.begin());
}

void StoredGrid::Read(size_t index, MutableTileValues values) const {
  if (encoding() == Encoding::kF32) {
    std::ranges::copy(floats(index), values.begin());
    return;
  }
  const Fp8Scale tile_scale = scale(index);
  const std::span<const uint8_t, kTileWeights> tile_codes = codes(index);
  for (size_t i = 0; i < values.size(); ++i) values[i] = tile_scale.Decode(tile_codes[i]);
}

TileValues StoredGrid::floats(size_t index) const {
  HYPR_CHECK(encoding() == Encoding::kF32 && index < size());
  const std::byte* at = layout_.values + index * layout_.value_stride;
  return TileValues(reinterpret_cast<const float*>(at), kTileWeights);
}

std::span<const uint8_t, kTileWeights> StoredGrid::codes(size_t index) const {
  HYPR_CHECK(encoding() == Encoding::kFp8 && index < size());
  const std::byte* at = layout_.values + index * layout_.value_stride;
  return std::span<const uint8_t, kTileWeights>(reinterpret_cast<const uint8_t*>(at), kTileWeights);
}

Fp8Scale StoredGrid::scale(size_t index) const {
  HYPR_CHECK(encoding() == Encoding::kFp8 && index < size());
  Fp8Scale scale;
  std::memcpy(&scale, layout_.scales + index * layout_.scale_stride, sizeof(scale));
  return scale;
}

TileStatistics StoredGrid::Recount() const {
  TileStatistics counted{.tiles = size()};
  std::array<float, kTileWeights> values;
  for (size_t i = 0; i < size(); ++i) {
    Read(i, values);
    counted.nonzeros += CountNonZeros(values);
  }
  return counted;
}

CompactionResult CompactFile(const std::filesystem::path& path, Encoding encoding) {
  const auto grid = StoredGrid::Open(path);
  AlignedBuffer values(grid->size() * kTileWeights * sizeof(float));
  GridContent content{.name = grid->name(), .metadata = grid->metadata()};
  for (size_t i = 0; i < grid->size(); ++i) {
    float* at = values.as<float>() + i * kTileWeights;
    grid->Read(i, MutableTileValues(at, kTileWeights));
    if (CountNonZeros({at, kTileWeights}) == 0) continue;
    content.tiles.push_back({.tile = grid->tile(i), .values = at});
  }
  WriteGrid(path, content, encoding, grid->backend());
  return {.before = grid->file_size(),
          .after = {std::filesystem::file_size(path)},
          .tiles_removed = grid->size() - content.tiles.size()};
}

}  // namespace hyprstream::vdb
