#include "vdb/tile_grid.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>
#include <map>

#include "base/error.h"
#include "vdb/grid_case.h"
#include "vdb/tile_updates.h"

namespace hyprstream::vdb {
namespace {

using ::hyprstream::testing::BuiltBackends;

class TileGridTest : public ::testing::TestWithParam<Backend> {
 protected:
  TileGrid Make(Moments moments = Moments::kNone) const {
    return TileGrid({.backend = GetParam(), .moments = moments});
  }
};

TEST_P(TileGridTest, TilesAreInTheOrderOfTheirNumbersAndZeroAtFirst) {
  TileGrid grid = Make();
  EXPECT_EQ(grid.Activate(std::vector<uint64_t>{5000000000 % kTileLimit, 3, 4096, 3}), 3u);
  EXPECT_EQ(grid.Activate(std::vector<uint64_t>{4096, 0}), 1u);
  EXPECT_EQ(grid.size(), 4u);
  EXPECT_EQ(grid.tile(0), 0u);
  EXPECT_EQ(grid.tile(1), 3u);
  EXPECT_EQ(grid.tile(2), 4096u);
  for (size_t i = 0; i < grid.size(); ++i) EXPECT_EQ(CountNonZeros(grid.values(i)), 0u);
  EXPECT_EQ(grid.Recount(), (TileStatistics{.tiles = 4}));
}

TEST_P(TileGridTest, MomentsFollowTheTopologyAndStartWithZeros) {
  TileGrid grid = Make(Moments::kKept);
  grid.Activate(std::vector<uint64_t>{10, 20});
  for (const size_t i : {0, 1}) {
    grid.values(i)[7] = static_cast<float>(1 + i);
    grid.first_moment(i)[7] = static_cast<float>(10 + i);
    grid.second_moment(i)[7] = static_cast<float>(20 + i);
  }
  grid.Activate(std::vector<uint64_t>{5, 15, 25});
  grid.Deactivate(std::vector<uint64_t>{10, 999});
  ASSERT_EQ(grid.size(), 4u);
  const size_t twenty = grid.Find(20);
  EXPECT_EQ(twenty, 2u);
  EXPECT_EQ(grid.values(twenty)[7], 2.0f);
  EXPECT_EQ(grid.first_moment(twenty)[7], 11.0f);
  EXPECT_EQ(grid.second_moment(twenty)[7], 21.0f);
  grid.Activate(std::vector<uint64_t>{10});
  const size_t ten = grid.Find(10);
  EXPECT_EQ(CountNonZeros(grid.values(ten)), 0u);
  EXPECT_EQ(CountNonZeros(grid.first_moment(ten)), 0u);
  EXPECT_EQ(CountNonZeros(grid.second_moment(ten)), 0u);
}

TEST_P(TileGridTest, ATileOfZerosStaysUntilCompactionIsAskedFor) {
  TileGrid grid = Make();
  grid.Activate(std::vector<uint64_t>{1, 2, 70000});
  grid.values(1)[0] = 1.0f;
  EXPECT_EQ(grid.Recount(), (TileStatistics{.tiles = 3, .nonzeros = 1}));
  const Bytes before = grid.memory();
  EXPECT_EQ(grid.Compact(), 2u);
  EXPECT_EQ(grid.Recount(), (TileStatistics{.tiles = 1, .nonzeros = 1}));
  EXPECT_EQ(grid.tile(0), 2u);
  EXPECT_EQ(grid.values(0)[0], 1.0f);
  EXPECT_LT(grid.memory().value, before.value);
  grid.Activate(std::vector<uint64_t>{70000});
  EXPECT_EQ(grid.Recount().tiles, 2u);
}

TEST_P(TileGridTest, ABatchChangesExactlyTheWeightsItNames) {
  rc::check([&] {
    TileGrid grid = Make();
    std::map<TileElement, float> model;
    const auto batches = *rc::gen::inRange(1, 5);
    for (int b = 0; b < batches; ++b) {
      const auto places = *rc::gen::unique<std::vector<std::pair<uint64_t, uint32_t>>>(
          rc::gen::pair(rc::gen::inRange<uint64_t>(0, 9000), rc::gen::inRange<uint32_t>(0, 512)));
      const auto mode = *rc::gen::element(UpdateMode::kReplace, UpdateMode::kAdd);
      std::vector<WeightUpdate> batch;
      for (const auto& [tile, element] : places) {
        const auto value = static_cast<float>(*rc::gen::inRange(-8, 8));
        batch.push_back({.at = {tile, element}, .value = value});
        float& weight = model[{tile, element}];
        weight = mode == UpdateMode::kAdd ? weight + value : value;
      }
      const UpdateCount count = ApplyWeights(grid, batch, mode);
      RC_ASSERT(count.weights == places.size());
    }
    uint64_t nonzeros = 0;
    std::set<uint64_t> tiles;
    for (const auto& [at, value] : model) {
      tiles.insert(at.tile);
      nonzeros += value != 0.0f ? 1 : 0;
      RC_ASSERT(grid.values(grid.Find(at.tile))[at.element] == value);
    }
    RC_ASSERT(grid.Recount() == (TileStatistics{.tiles = tiles.size(), .nonzeros = nonzeros}));
    // Every tenth of the space read as regions gives everything once.
    TileRegion all;
    for (uint64_t begin = 0; begin < 9000; begin += 900) {
      const TileRegion region = ReadRegion(grid, begin, begin + 900);
      all.tiles.insert(all.tiles.end(), region.tiles.begin(), region.tiles.end());
      all.values.insert(all.values.end(), region.values.begin(), region.values.end());
    }
    RC_ASSERT(all.tiles == std::vector<uint64_t>(tiles.begin(), tiles.end()));
    RC_ASSERT(CountNonZeros(all.values) == nonzeros);
  });
}

TEST_P(TileGridTest, KTileUpdatesChangeKTiles) {
  TileGrid grid = Make();
  std::array<float, kTileWeights> ones;
  ones.fill(1.0f);
  const std::vector<TileUpdate> set = {{4, ones}, {9, ones}, {2, ones}};
  UpdateCount count = ApplyTiles(grid, set, UpdateMode::kReplace);
  EXPECT_EQ(count.tiles, 3u);
  EXPECT_EQ(count.activated_tiles, 3u);
  const std::vector<TileUpdate> add = {{9, ones}, {100, ones}};
  count = ApplyTiles(grid, add, UpdateMode::kAdd);
  EXPECT_EQ(count.weights, 1024u);
  EXPECT_EQ(count.activated_tiles, 1u);
  EXPECT_EQ(grid.values(grid.Find(9))[511], 2.0f);
  EXPECT_EQ(grid.values(grid.Find(100))[0], 1.0f);
  EXPECT_EQ(grid.values(grid.Find(4))[0], 1.0f);
  EXPECT_EQ(grid.Recount(), (TileStatistics{.tiles = 4, .nonzeros = 2048}));
}

TEST_P(TileGridTest, AWrongBatchLeavesTheGridUntouched) {
  TileGrid grid = Make();
  ApplyWeights(grid, std::vector<WeightUpdate>{{{1, 1}, 3e38f}}, UpdateMode::kReplace);
  const auto refused = [&](std::vector<WeightUpdate> batch, UpdateMode mode) {
    EXPECT_THROW(ApplyWeights(grid, batch, mode), Error);
  };
  refused({{{2, 0}, 1.0f}, {{2, 0}, 2.0f}}, UpdateMode::kReplace);
  refused({{{2, 0}, 1.0f}, {{kTileLimit, 0}, 2.0f}}, UpdateMode::kReplace);
  refused({{{2, 0}, 1.0f}, {{2, 512}, 2.0f}}, UpdateMode::kReplace);
  refused({{{2, 0}, 1.0f}, {{2, 1}, std::numeric_limits<float>::quiet_NaN()}}, UpdateMode::kAdd);
  refused({{{2, 0}, 1.0f}, {{1, 1}, 3e38f}}, UpdateMode::kAdd);
  EXPECT_EQ(grid.Recount(), (TileStatistics{.tiles = 1, .nonzeros = 1}));
}

INSTANTIATE_TEST_SUITE_P(Backends, TileGridTest, ::testing::ValuesIn(BuiltBackends()),
                         [](const auto& given) { return std::string(BackendName(given.param)); });

}  // namespace
}  // namespace hyprstream::vdb
