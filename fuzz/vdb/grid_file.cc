// Grid files, whole or as patches of good ones. A whole file of even one tile is large for a fuzzer
// to invent, so an input is: a byte that picks a good file (bits 0 and 1), whether checksums are
// made right after patching (bit 2) and how much is verified (bit 3), or 0xFF for a raw file; then
// patches of a 3-byte offset, a byte of length (modulo 9) and so many bytes.
#include <array>
#include <cmath>
#include <cstring>
#include <string>

#include "../memory_file.h"
#include "vdb/damage.h"
#include "vdb/grid_files.h"
#include "vdb/stored_grid.h"

namespace hyprstream::vdb {
namespace {

std::string GoodFile(int which) {
  static const std::array<std::string, 4> kFiles = [] {
    static std::array<float, 3 * kTileWeights> values;
    for (size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<float>(i * i));
    GridContent content{.name = "good", .metadata = std::as_bytes(std::span("{\"a\": 1}"))};
    const std::array<uint64_t, 3> tiles = {1, 2, 300};
    for (size_t i = 0; i < 3; ++i) {
      content.tiles.push_back({.tile = tiles[i], .values = values.data() + i * kTileWeights});
    }
    const auto text = [](const AlignedBuffer& bytes) {
      return std::string(bytes.as<char>(), bytes.size());
    };
    return std::array{
        text(WriteTiles(content, Encoding::kFp8)), text(WriteTiles(content, Encoding::kF32)),
        text(WriteNano(content, Encoding::kFp8)), text(WriteNano(content, Encoding::kF32))};
  }();
  return kFiles[static_cast<size_t>(which)];
}

std::string FileOf(const uint8_t* data, size_t size) {
  if (data[0] == 0xFF) return {reinterpret_cast<const char*>(data + 1), size - 1};
  std::string file = GoodFile(data[0] & 3);
  for (size_t at = 1; at + 4 <= size;) {
    size_t offset =
        data[at] | static_cast<size_t>(data[at + 1]) << 8 | static_cast<size_t>(data[at + 2]) << 16;
    const size_t length = std::min<size_t>(data[at + 3] % 9, size - at - 4);
    offset %= file.size();
    std::memcpy(file.data() + offset, data + at + 4, std::min(length, file.size() - offset));
    at += 4 + length;
  }
  if ((data[0] & 4) != 0) testing::FixChecksums(file);
  return file;
}

void Use(const StoredGrid& grid) {
  unsigned sum = 0;
  for (const std::byte byte : grid.metadata()) sum += static_cast<unsigned>(byte);
  std::array<float, kTileWeights> values;
  for (size_t i = 0; i < grid.size(); ++i) {
    HYPR_CHECK(grid.tile(i) < kTileLimit);
    grid.Read(i, values);
    for (const float value : values) sum += value > 0.0f ? 1u : 0u;
  }
  volatile unsigned keep = sum;
  (void)keep;
}

}  // namespace
}  // namespace hyprstream::vdb

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hyprstream;
  if (size == 0) return 0;
  const std::string bytes = vdb::FileOf(data, size);
  try {
    const fuzz::MemoryFile file(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
    vdb::Use(*vdb::StoredGrid::Open(
        file.path(), (data[0] & 8) != 0 ? vdb::Verify::kFull : vdb::Verify::kStructure));
  } catch (const Error&) {
    // Refused, as it should be.
    return 0;
  }
  return 0;
}
