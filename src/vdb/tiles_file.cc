// The plain file of tiles. Little-endian:
//   0  "HYPRTILE"
//   8  u32 version (1), u32 encoding (1: f32, 2: one-byte codes)
//  16  u64 tiles, u64 bytes of metadata, u32 bytes of the name, u32 zero
//  40  identity (32 bytes)
//  72  u32 CRC-32 of everything from offset 128 on, u32 CRC-32 of bytes 0..76; zeros to 128
// 128  name, metadata, tile numbers (u32), scales (minimum and quantum, codes only), values: each
//      begins at a multiple of 64, the gaps are zeros.
#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "vdb/grid_files.h"

namespace hyprstream::vdb {
namespace {

constexpr char kMagic[8] = {'H', 'Y', 'P', 'R', 'T', 'I', 'L', 'E'};
constexpr uint32_t kVersion = 1;

struct Header {
  char magic[8];
  uint32_t version;
  uint32_t encoding;
  uint64_t tiles;
  uint64_t metadata_bytes;
  uint32_t name_bytes;
  uint32_t zero;
  uint8_t identity[32];
  uint32_t body_crc;
  uint32_t head_crc;
  uint8_t padding[48];
};
static_assert(sizeof(Header) == 128);
constexpr size_t kCheckedHead = offsetof(Header, head_crc);

constexpr uint64_t Padded(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

struct Offsets {
  uint64_t name = sizeof(Header);
  uint64_t metadata, tiles, scales, values, end;

  Offsets(uint64_t name_bytes, uint64_t metadata_bytes, uint64_t count, Encoding encoding) {
    const bool codes = encoding == Encoding::kFp8;
    metadata = name + Padded(name_bytes);
    tiles = metadata + Padded(metadata_bytes);
    scales = tiles + Padded(count * sizeof(uint32_t));
    values = scales + Padded(codes ? count * sizeof(Fp8Scale) : 0);
    end = values + count * (codes ? 1 : sizeof(float)) * kTileWeights;
  }
};

Header ReadHeader(std::span<const std::byte> file) {
  if (file.size() < sizeof(Header)) {
    RefuseFile("at least 128 bytes", std::to_string(file.size()), "header");
  }
  Header header;
  std::memcpy(&header, file.data(), sizeof(header));
  const uint32_t crc = Crc32(file.first(kCheckedHead));
  if (crc != header.head_crc) {
    RefuseFile(std::to_string(header.head_crc), std::to_string(crc), "checksum of the header");
  }
  if (header.version != kVersion || header.encoding < 1 || header.encoding > 2 ||
      header.zero != 0 ||
      std::ranges::any_of(header.padding, [](uint8_t byte) { return byte != 0; })) {
    RefuseFile("version 1, encoding 1 or 2",
               std::to_string(header.version) + ", " + std::to_string(header.encoding), "header");
  }
  if (header.name_bytes < 1 || header.name_bytes > kMaxNameBytes ||
      header.metadata_bytes > kMaxMetadataBytes ||
      header.tiles > file.size() / static_cast<uint64_t>(kTileWeights)) {
    RefuseFile("a name, metadata and tiles that fit the file",
               std::to_string(header.tiles) + " tiles", "header");
  }
  return header;
}

std::vector<uint32_t> ReadTileNumbers(std::span<const std::byte> bytes, size_t count) {
  std::vector<uint32_t> tiles(count);
  if (count > 0) std::memcpy(tiles.data(), bytes.data(), count * sizeof(uint32_t));
  for (size_t i = 1; i < count; ++i) {
    if (tiles[i] <= tiles[i - 1]) {
      RefuseFile("ascending tile numbers", std::to_string(tiles[i]), "tile " + std::to_string(i));
    }
  }
  return tiles;
}

void Put(AlignedBuffer& out, uint64_t offset, const void* data, size_t size) {
  HYPR_CHECK(offset + size <= out.size());
  if (size > 0) std::memcpy(out.data() + offset, data, size);
}

}  // namespace

bool IsTilesFile(std::span<const std::byte> file) {
  return file.size() >= sizeof(kMagic) && std::memcmp(file.data(), kMagic, sizeof(kMagic)) == 0;
}

GridLayout ReadTiles(std::span<const std::byte> file, Verify verify) {
  const Header header = ReadHeader(file);
  const auto encoding = static_cast<Encoding>(header.encoding);
  const Offsets at(header.name_bytes, header.metadata_bytes, header.tiles, encoding);
  if (file.size() != at.end) {
    RefuseFile(std::to_string(at.end) + " bytes", std::to_string(file.size()), "file size");
  }
  if (verify == Verify::kFull) {
    const uint32_t crc = Crc32(file.subspan(sizeof(Header)));
    if (crc != header.body_crc) {
      RefuseFile(std::to_string(header.body_crc), std::to_string(crc), "checksum of the body");
    }
  }
  GridLayout layout;
  layout.encoding = encoding;
  const auto* name = reinterpret_cast<const char*>(file.data() + at.name);
  layout.name.assign(name, header.name_bytes);
  if (layout.name.find('\0') != std::string::npos) {
    RefuseFile("a name without NUL", "a NUL", "name");
  }
  layout.metadata = file.subspan(at.metadata, header.metadata_bytes);
  std::ranges::copy(header.identity, layout.identity.begin());
  layout.tiles = ReadTileNumbers(file.subspan(at.tiles), header.tiles);
  layout.values = file.data() + at.values;
  layout.value_stride = kTileWeights * (encoding == Encoding::kFp8 ? 1 : sizeof(float));
  layout.scales = file.data() + at.scales;
  layout.scale_stride = encoding == Encoding::kFp8 ? sizeof(Fp8Scale) : 0;
  CheckTileValues(layout, verify);
  return layout;
}

AlignedBuffer WriteTiles(const GridContent& content, Encoding encoding) {
  const uint64_t count = content.tiles.size();
  const Offsets at(content.name.size(), content.metadata.size(), count, encoding);
  AlignedBuffer out(at.end);
  Put(out, at.name, content.name.data(), content.name.size());
  Put(out, at.metadata, content.metadata.data(), content.metadata.size());
  IdentityHash identity(content.metadata, count);
  uint64_t index = 0;
  ForEachStored(content, encoding, [&](const StoredTile& tile) {
    const auto number = static_cast<uint32_t>(tile.tile);
    Put(out, at.tiles + index * sizeof(number), &number, sizeof(number));
    if (tile.encoded != nullptr) {
      Put(out, at.scales + index * sizeof(Fp8Scale), &tile.encoded->scale, sizeof(Fp8Scale));
      Put(out, at.values + index * kTileWeights, tile.encoded->codes.data(), kTileWeights);
    } else {
      Put(out, at.values + index * kTileWeights * sizeof(float), tile.values.data(),
          kTileWeights * sizeof(float));
    }
    identity.Add(tile.tile, tile.values);
    ++index;
  });
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.version = kVersion;
  header.encoding = static_cast<uint32_t>(encoding);
  header.tiles = count;
  header.metadata_bytes = content.metadata.size();
  header.name_bytes = static_cast<uint32_t>(content.name.size());
  std::ranges::copy(identity.Finish(), header.identity);
  header.body_crc = Crc32(std::span(out.data(), out.size()).subspan(sizeof(Header)));
  header.head_crc = Crc32(std::as_bytes(std::span(&header, 1)).first(kCheckedHead));
  Put(out, 0, &header, sizeof(header));
  return out;
}

}  // namespace hyprstream::vdb
