// Grids to test with: tiles with known values, files in a temporary folder.
#pragma once

#include <rapidcheck.h>

#include <array>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "vdb/stored_grid.h"

namespace hyprstream::testing {

inline std::span<const std::byte> BytesOf(std::string_view text) {
  return std::as_bytes(std::span(text));
}

/// Values owned beside the content that borrows them.
struct GridCase {
  std::vector<std::array<float, vdb::kTileWeights>> values;
  std::string metadata;
  vdb::GridContent content;

  GridCase(std::string name, std::string metadata_text, const std::set<uint64_t>& tiles,
           unsigned seed)
      : values(tiles.size()), metadata(std::move(metadata_text)) {
    content.name = std::move(name);
    content.metadata = BytesOf(metadata);
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.0f, 0.05f);
    size_t index = 0;
    for (const uint64_t tile : tiles) {
      std::array<float, vdb::kTileWeights>& out = values[index++];
      const float scale = std::uniform_real_distribution<float>(0.001f, 3.0f)(random);
      for (float& value : out) value = random() % 5 == 0 ? 0.0f : normal(random) * scale;
      content.tiles.push_back({.tile = tile, .values = out.data()});
    }
  }
  GridCase(const GridCase&) = delete;
  GridCase& operator=(const GridCase&) = delete;

  uint64_t nonzeros() const {
    uint64_t count = 0;
    for (const auto& tile : values) count += vdb::CountNonZeros(tile);
    return count;
  }
};

/// Tiles in several lower, upper and root nodes.
inline std::set<uint64_t> ScatteredTiles() {
  return {0,
          1,
          17,
          4095,
          4096,
          8191,
          70000,
          1 << 20,
          134217727,
          134217728,
          134217730,
          536870912,
          0xFFFFFFFFu - 1,
          0xFFFFFFFFu};
}

inline std::set<uint64_t> FirstTiles(uint64_t count) {
  std::set<uint64_t> tiles;
  for (uint64_t i = 0; i < count; ++i) tiles.insert(tiles.end(), i);
  return tiles;
}

inline std::vector<float> ReadAll(const vdb::StoredGrid& grid) {
  std::vector<float> all(grid.size() * vdb::kTileWeights);
  for (size_t i = 0; i < grid.size(); ++i) {
    grid.Read(i, vdb::MutableTileValues(all.data() + i * vdb::kTileWeights, vdb::kTileWeights));
  }
  return all;
}

inline std::vector<vdb::Backend> BuiltBackends() {
  std::vector<vdb::Backend> backends{vdb::Backend::kPlain};
  if (vdb::IsBuilt(vdb::Backend::kVdb)) backends.push_back(vdb::Backend::kVdb);
  return backends;
}

}  // namespace hyprstream::testing
