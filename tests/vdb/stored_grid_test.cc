#include "vdb/stored_grid.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <fstream>
#include <ranges>

#include "base/error.h"
#include "base/folder.h"
#include "vdb/grid_case.h"
#include "vdb/tile_grid.h"

namespace hyprstream::vdb {
namespace {

using namespace ::hyprstream::testing;

struct Form {
  Backend backend;
  Encoding encoding;
};

std::vector<Form> Forms() {
  std::vector<Form> forms;
  for (const Backend backend : BuiltBackends()) {
    forms.push_back({backend, Encoding::kF32});
    forms.push_back({backend, Encoding::kFp8});
  }
  return forms;
}

class StoredGridTest : public ::testing::TestWithParam<Form> {
 protected:
  std::shared_ptr<const StoredGrid> WriteAndOpen(const GridContent& content) {
    identity_ = WriteGrid(path(), content, GetParam().encoding, GetParam().backend);
    return StoredGrid::Open(path());
  }
  std::filesystem::path path() const { return folder_ / "grid"; }

  Folder folder_;
  Sha256Digest identity_{};
};

TEST_P(StoredGridTest, EverythingComesBack) {
  const GridCase made("tone.v3", R"({"some":"thing"})", ScatteredTiles(), 1);
  const auto grid = WriteAndOpen(made.content);
  EXPECT_EQ(grid->name(), "tone.v3");
  EXPECT_EQ(grid->encoding(), GetParam().encoding);
  EXPECT_EQ(grid->backend(), GetParam().backend);
  EXPECT_EQ(
      std::string(reinterpret_cast<const char*>(grid->metadata().data()), grid->metadata().size()),
      made.metadata);
  EXPECT_EQ(grid->identity(), identity_);
  ASSERT_EQ(grid->size(), made.content.tiles.size());
  for (size_t i = 0; i < grid->size(); ++i) {
    EXPECT_EQ(grid->tile(i), made.content.tiles[i].tile);
    EXPECT_EQ(grid->Find(grid->tile(i)), i);
  }
  EXPECT_FALSE(grid->Find(2).has_value());
  EXPECT_EQ(grid->LowerBound(2), 2u);
}

TEST_P(StoredGridTest, ValuesAreExactOrWithinHalfAQuantum) {
  const GridCase made("values", "", FirstTiles(40), 2);
  const auto grid = WriteAndOpen(made.content);
  for (size_t i = 0; i < grid->size(); ++i) {
    std::array<float, kTileWeights> read;
    grid->Read(i, read);
    if (grid->encoding() == Encoding::kF32) {
      EXPECT_EQ(read, made.values[i]);
      continue;
    }
    const Fp8Scale scale = grid->scale(i);
    for (size_t k = 0; k < read.size(); ++k) {
      EXPECT_LE(std::fabs(read[k] - made.values[i][k]), scale.quantum * 0.50001f);
      EXPECT_EQ(read[k], scale.Decode(grid->codes(i)[k]));
      if (made.values[i][k] == 0.0f) {
        EXPECT_EQ(read[k], 0.0f);
      }
    }
  }
}

TEST_P(StoredGridTest, StatisticsAreARecount) {
  const GridCase made("counts", "", ScatteredTiles(), 3);
  const auto grid = WriteAndOpen(made.content);
  const TileStatistics counted = grid->Recount();
  EXPECT_EQ(counted.tiles, made.content.tiles.size());
  EXPECT_EQ(counted.nonzeros, CountNonZeros(ReadAll(*grid)));
  if (grid->encoding() == Encoding::kF32) {
    EXPECT_EQ(counted.nonzeros, made.nonzeros());
  }
}

TEST_P(StoredGridTest, AnEmptyGridAndATileOfZerosAreGrids) {
  const GridCase none("none", "meta", {}, 4);
  EXPECT_EQ(WriteAndOpen(none.content)->size(), 0u);
  const std::array<float, kTileWeights> zeros{};
  const GridContent content{.name = "zeros", .tiles = {{.tile = 9, .values = zeros.data()}}};
  const auto grid = WriteAndOpen(content);
  EXPECT_EQ(grid->Recount(), (TileStatistics{.tiles = 1}));
}

TEST_P(StoredGridTest, TheSameContentGivesTheSameBytes) {
  const GridCase made("bytes", "meta", ScatteredTiles(), 5);
  WriteAndOpen(made.content);
  const std::string first = Read(path());
  WriteAndOpen(made.content);
  EXPECT_EQ(Read(path()), first);
}

TEST_P(StoredGridTest, IdentityChangesWithAnyTileValueOrMetadataAndNotWithTheName) {
  GridCase made("identity", "meta", FirstTiles(3), 6);
  WriteAndOpen(made.content);
  const Sha256Digest original = identity_;
  made.content.name = "other";
  WriteAndOpen(made.content);
  EXPECT_EQ(identity_, original);
  made.content.tiles[2].tile = 17;
  WriteAndOpen(made.content);
  EXPECT_NE(identity_, original);
  made.content.tiles[2].tile = 2;
  made.content.metadata = BytesOf("mete");
  WriteAndOpen(made.content);
  EXPECT_NE(identity_, original);
  made.content.metadata = BytesOf("meta");
  made.values[1][100] += 0.5f;
  WriteAndOpen(made.content);
  EXPECT_NE(identity_, original);
}

TEST_P(StoredGridTest, AGridThatIsEncodedAgainKeepsItsValues) {
  const GridCase made("again", "", FirstTiles(5), 7);
  const auto grid = WriteAndOpen(made.content);
  const std::vector<float> values = ReadAll(*grid);
  GridContent again{.name = "again"};
  for (size_t i = 0; i < grid->size(); ++i) {
    again.tiles.push_back({.tile = grid->tile(i), .values = values.data() + i * kTileWeights});
  }
  WriteGrid(folder_ / "second", again, Encoding::kF32, GetParam().backend);
  EXPECT_EQ(ReadAll(*StoredGrid::Open(folder_ / "second")), values);
}

TEST_P(StoredGridTest, CompactionReportsTheSizesOfTheFiles) {
  const std::array<float, kTileWeights> zeros{};
  GridCase made("compact", "meta", FirstTiles(6), 8);
  made.content.tiles[1].values = zeros.data();
  made.content.tiles[4].values = zeros.data();
  const auto grid = WriteAndOpen(made.content);
  const uint64_t before = std::filesystem::file_size(path());
  const CompactionResult result = CompactFile(path(), GetParam().encoding);
  EXPECT_EQ(result.before.value, before);
  EXPECT_EQ(result.after.value, std::filesystem::file_size(path()));
  EXPECT_LT(result.after.value, before);
  EXPECT_EQ(result.tiles_removed, 2u);
  const auto compacted = StoredGrid::Open(path());
  EXPECT_EQ(compacted->size(), 4u);
  EXPECT_EQ(compacted->Recount().nonzeros, grid->Recount().nonzeros);
}

TEST_P(StoredGridTest, WhatCannotBeStoredIsRefused) {
  GridCase made("refuse", "", FirstTiles(3), 9);
  const auto refused = [&] {
    EXPECT_THROW(WriteGrid(path(), made.content, GetParam().encoding, GetParam().backend), Error);
    EXPECT_FALSE(std::filesystem::exists(path()));
  };
  std::swap(made.content.tiles[0], made.content.tiles[1]);
  refused();
  std::swap(made.content.tiles[0], made.content.tiles[1]);
  made.content.tiles[2].tile = kTileLimit;
  refused();
  made.content.tiles[2].tile = 2;
  made.values[0][3] = std::numeric_limits<float>::infinity();
  refused();
  made.values[0][3] = 0.0f;
  made.content.name.clear();
  refused();
  made.content.name.assign(256, 'n');
  refused();
  made.content.name.assign(255, 'n');
  EXPECT_EQ(WriteAndOpen(made.content)->name(), made.content.name);
}

TEST_P(StoredGridTest, AnyChangedByteOfTheValuesIsFoundOnOpening) {
  const GridCase made("bits", "metadata of the grid", FirstTiles(4), 10);
  WriteAndOpen(made.content);
  const std::string good = Read(path());
  std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
  const auto put = [&](size_t offset, int byte) {
    file.seekp(static_cast<std::streamoff>(offset)).put(static_cast<char>(byte)).flush();
  };
  uint64_t refused = 0;
  uint64_t tried = 0;
  for (size_t offset = 0; offset < good.size(); offset += 1 + offset / 211) {
    put(offset, good[offset] ^ 0x10);
    ++tried;
    try {
      // What is not refused must be the padding between parts: nothing that is read back.
      const auto grid = StoredGrid::Open(path());
      EXPECT_EQ(grid->identity(), identity_) << offset;
      EXPECT_EQ(grid->name(), "bits");
    } catch (const Error& error) {
      ++refused;
      EXPECT_FALSE(error.detail().where.empty());
    }
    put(offset, good[offset]);
  }
  EXPECT_GT(refused * 10, tried * 8);
}

TEST_P(StoredGridTest, ATruncatedFileIsRefusedWhateverItsLength) {
  const GridCase made("cut", "meta", FirstTiles(2), 11);
  WriteAndOpen(made.content);
  const std::string good = Read(path());
  std::vector<size_t> lengths;
  for (size_t length = 0; length < good.size(); length += 1 + length / 23) {
    lengths.push_back(length);
  }
  std::ofstream(folder_ / "cut", std::ios::binary) << good;
  for (const size_t length : lengths | std::views::reverse) {
    std::filesystem::resize_file(folder_ / "cut", length);
    EXPECT_THROW(StoredGrid::Open(folder_ / "cut", Verify::kStructure), Error) << length;
  }
  std::ofstream(folder_ / "cut", std::ios::binary | std::ios::trunc) << good << 'x';
  EXPECT_THROW(StoredGrid::Open(folder_ / "cut", Verify::kStructure), Error);
}

TEST_P(StoredGridTest, ServingTakesLittleMoreThanTheValues) {
  const GridCase made("memory", "", FirstTiles(716), 12);
  const auto grid = WriteAndOpen(made.content);
  const double weights = 716.0 * kTileWeights;
  const double bytes = static_cast<double>(grid->memory().value) / weights;
  RecordProperty("bytes_per_weight", std::to_string(bytes));
  EXPECT_LE(bytes, grid->encoding() == Encoding::kFp8 ? 1.2 : 4.2);
}

INSTANTIATE_TEST_SUITE_P(Forms, StoredGridTest, ::testing::ValuesIn(Forms()),
                         [](const auto& given) {
                           return std::string(BackendName(given.param.backend)) +
                                  (given.param.encoding == Encoding::kFp8 ? "_codes" : "_floats");
                         });

TEST(StoredGridBackends, BothGiveTheSameIdentityAndTheSameBits) {
  const Folder folder;
  const GridCase made("both", "meta", ScatteredTiles(), 13);
  for (const Encoding encoding : {Encoding::kF32, Encoding::kFp8}) {
    std::vector<Sha256Digest> identities;
    std::vector<std::vector<float>> values;
    for (const Backend backend : BuiltBackends()) {
      // Through the training grid of the same back end, as a trainer would.
      TileGrid grid({.backend = backend});
      for (const TileView& view : made.content.tiles) {
        grid.Activate(std::span(&view.tile, 1));
        std::ranges::copy(view.span(), grid.values(grid.Find(view.tile)).begin());
      }
      GridContent content = made.content;
      content.tiles = grid.Views();
      identities.push_back(WriteGrid(folder / "grid", content, encoding, backend));
      const auto stored = StoredGrid::Open(folder / "grid");
      EXPECT_EQ(stored->identity(), identities.back());
      values.push_back(ReadAll(*stored));
    }
    EXPECT_EQ(identities.front(), identities.back());
    const auto bytes = [](const std::vector<float>& v) { return std::as_bytes(std::span(v)); };
    EXPECT_TRUE(std::ranges::equal(bytes(values.front()), bytes(values.back())));
  }
}

RC_GTEST_PROP(Fp8, DecodingIsTheSameHoweverItIsComputed, (unsigned seed)) {
  std::mt19937 random(seed);
  const float scale = std::ldexp(1.0f, static_cast<int>(random() % 250) - 140);
  std::array<float, kTileWeights> values;
  std::uniform_real_distribution<float> uniform(-1.0f, random() % 3 == 0 ? 0.01f : 2.0f);
  for (float& value : values) value = uniform(random) * scale;
  const Fp8Tile tile = EncodeFp8(values);
  RC_ASSERT(IsValidScale(tile.scale));
  const float quantum = tile.scale.quantum;
  const float zero = quantum == 0.0f ? 0.0f : -tile.scale.minimum / quantum;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto code = static_cast<float>(tile.codes[i]);
    const float decoded = tile.scale.Decode(tile.codes[i]);
    RC_ASSERT(decoded == std::fma(code, quantum, tile.scale.minimum));
    RC_ASSERT(decoded == (code - zero) * quantum);
    RC_ASSERT(std::fabs(static_cast<double>(decoded) - values[i]) <= 0.5000001 * quantum);
  }
}

}  // namespace
}  // namespace hyprstream::vdb
