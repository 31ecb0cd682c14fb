// What grids really take, by the allocator's own count.
#include <gtest/gtest.h>
#include <malloc.h>

#include <numeric>

#include "vdb/tile_grid.h"

namespace hyprstream::vdb {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kCountable = false;  // the sanitizers have allocators of their own
#else
constexpr bool kCountable = true;
#endif

uint64_t Allocated() {
  const struct mallinfo2 info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

/// 716 tiles of which every weight is non-zero: 1 % of a 1.7 B model's adapter of rank 16.
constexpr uint64_t kTiles = 716;
constexpr double kWeights = kTiles * kTileWeights;

std::vector<uint64_t> Spread(uint64_t step) {
  std::vector<uint64_t> tiles(kTiles);
  for (uint64_t i = 0; i < kTiles; ++i) tiles[i] = i * step;
  return tiles;
}

void Fill(const TileGrid& grid) {
  for (size_t i = 0; i < grid.size(); ++i) {
    const MutableTileValues values = grid.values(i);
    std::iota(values.begin(), values.end(), 1.0f);
  }
}

class GridMemory : public ::testing::TestWithParam<Backend> {};

TEST_P(GridMemory, ANonZeroTakesAtMostSevenBytes) {
  if (!kCountable) GTEST_SKIP() << "allocations cannot be counted here";
  // Step 1: one lower node. Step 24: as far apart as components of a 1.7 B model can be.
  for (const uint64_t step : {1, 24}) {
    const uint64_t before = Allocated();
    TileGrid grid({.backend = GetParam()});
    grid.Activate(Spread(step));
    Fill(grid);
    const double allocated = static_cast<double>(Allocated() - before) / kWeights;
    const double reported = static_cast<double>(grid.memory().value) / kWeights;
    EXPECT_EQ(grid.Recount(), (TileStatistics{.tiles = kTiles, .nonzeros = kTiles * 512}));
    RecordProperty("allocated_step_" + std::to_string(step), std::to_string(allocated));
    RecordProperty("reported_step_" + std::to_string(step), std::to_string(reported));
    EXPECT_LE(allocated, 7.0);
    EXPECT_NEAR(reported, allocated, 0.1);
  }
}

TEST_P(GridMemory, MomentsTakeEightBytesMore) {
  if (!kCountable) GTEST_SKIP() << "allocations cannot be counted here";
  const uint64_t before = Allocated();
  TileGrid grid({.backend = GetParam(), .moments = Moments::kKept});
  grid.Activate(Spread(1));
  const double allocated = static_cast<double>(Allocated() - before) / kWeights;
  RecordProperty("allocated", std::to_string(allocated));
  EXPECT_LE(allocated, 15.2);
  EXPECT_EQ(grid.moments_memory().value, kTiles * 4096);
}

TEST_P(GridMemory, DeactivatedTilesAreGivenBack) {
  if (!kCountable) GTEST_SKIP() << "allocations cannot be counted here";
  TileGrid grid({.backend = GetParam()});
  grid.Activate(Spread(24));
  const uint64_t before = Allocated();
  grid.Deactivate(Spread(24));
  grid.Compact();
  EXPECT_GE(before - Allocated(), kTiles * 2048);
  EXPECT_EQ(grid.Recount(), TileStatistics{});
}

std::vector<Backend> Backends() {
  if (IsBuilt(Backend::kVdb)) return {Backend::kVdb, Backend::kPlain};
  return {Backend::kPlain};
}

INSTANTIATE_TEST_SUITE_P(Backends, GridMemory, ::testing::ValuesIn(Backends()),
                         [](const auto& given) { return std::string(BackendName(given.param)); });

}  // namespace
}  // namespace hyprstream::vdb
