#include "adapters/trainable_adapter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "adapters/stored_adapter.h"
#include "adapters/topology_case.h"
#include "base/error.h"
#include "base/folder.h"
#include "model/random_model.h"

namespace hyprstream::adapters {
namespace {

using namespace ::hyprstream::testing;
using vdb::Backend;
using vdb::Encoding;

void Randomise(std::span<float> values, float scale, std::mt19937& random) {
  std::normal_distribution<float> normal(0.0f, scale);
  for (float& value : values) value = normal(random);
}

void Fill(TrainableAdapter& adapter, unsigned seed, float b_scale = 0.002f) {
  std::mt19937 random(seed);
  for (size_t p = 0; p < adapter.topology().places().size(); ++p) {
    Factors factors = adapter.Gather(p);
    Randomise(factors.a.As<float>(), 0.06f, random);
    Randomise(factors.b.As<float>(), b_scale, random);
    adapter.Scatter(p, MatrixOf(factors.a), MatrixOf(factors.b));
  }
}

/// A few components here and there, one removed in the middle.
TrainableAdapter Sparse(const model::ModelConfig& config, Backend backend, unsigned seed) {
  TrainableAdapter adapter(Topology(config, DefaultSpec(AdapterKind::kSparse, config, "base")),
                           backend);
  std::mt19937 random(seed);
  for (size_t p = 0; p < adapter.topology().places().size(); ++p) {
    const auto count = static_cast<int64_t>(random() % 4);
    adapter.Add(p, count);
    if (count == 3) adapter.Remove(p, 1);
  }
  Fill(adapter, seed + 1);
  return adapter;
}

std::vector<Backend> Backends() {
  if (vdb::IsBuilt(Backend::kVdb)) return {Backend::kVdb, Backend::kPlain};
  return {Backend::kPlain};
}

class TrainableAdapterTest : public ::testing::TestWithParam<Backend> {
 protected:
  std::filesystem::path path() const { return folder_ / "version"; }
  SaveOptions Options(Encoding encoding) const {
    return {.name = "tone", .encoding = encoding, .backend = GetParam()};
  }
  Folder folder_;
};

TEST_P(TrainableAdapterTest, FactorsComeBackFromTheGridInEveryBuffer) {
  using Buffer = TrainableAdapter::Buffer;
  TrainableAdapter adapter = Sparse(OddShape(), GetParam(), 1);
  std::mt19937 random(5);
  for (const Buffer buffer : {Buffer::kFirstMoment, Buffer::kValues, Buffer::kSecondMoment}) {
    for (size_t p = 0; p < adapter.topology().places().size(); ++p) {
      Factors factors = adapter.Gather(p, buffer);
      ASSERT_EQ(factors.a.shape(),
                Shape({std::ssize(adapter.components(p)), adapter.topology().places()[p].in}));
      Randomise(factors.a.As<float>(), 1.0f, random);
      Randomise(factors.b.As<float>(), 1.0f, random);
      adapter.Scatter(p, MatrixOf(factors.a), MatrixOf(factors.b), buffer);
      const Factors back = adapter.Gather(p, buffer);
      EXPECT_TRUE(std::ranges::equal(back.a.As<float>(), factors.a.As<float>()));
      EXPECT_TRUE(std::ranges::equal(back.b.As<float>(), factors.b.As<float>()));
    }
  }
  EXPECT_EQ(adapter.Statistics().parameters_active, adapter.weights());
}

TEST_P(TrainableAdapterTest, WeightsLieWhereTheTopologySays) {
  TrainableAdapter adapter = Sparse(OddShape(), GetParam(), 2);
  const Topology& topology = adapter.topology();
  for (size_t p = 0; p < topology.places().size(); ++p) {
    const Factors factors = adapter.Gather(p);
    const TopologyPlace& place = topology.places()[p];
    for (size_t row = 0; row < adapter.components(p).size(); ++row) {
      const int64_t c = adapter.components(p)[row];
      const auto at = [&](const WeightPlace& weight) {
        const vdb::TileElement element = topology.ElementOf(weight);
        return adapter.grid().values(adapter.grid().Find(element.tile))[element.element];
      };
      const auto index = static_cast<int64_t>(row);
      const int64_t col = place.in - 1;
      EXPECT_EQ(at({.place = p, .factor = Factor::kA, .row = c, .col = col}),
                factors.a.As<float>()[static_cast<size_t>(index * place.in + col)]);
      EXPECT_EQ(at({.place = p, .factor = Factor::kB, .row = place.out - 1, .col = c}),
                factors.b.As<float>()[static_cast<size_t>(index * place.out + place.out - 1)]);
    }
  }
}

TEST_P(TrainableAdapterTest, ARegrownComponentTakesTheFreedNumberAndStartsWithZeros) {
  TrainableAdapter adapter = Sparse(WillowbrookShape(), GetParam(), 3);
  adapter.Add(0, 4 - std::ssize(adapter.components(0)));
  Fill(adapter, 4);
  const int64_t weights = adapter.weights();
  adapter.Remove(0, 2);
  EXPECT_EQ(adapter.weights(), weights - adapter.topology().ComponentWeights(0));
  EXPECT_EQ(adapter.Statistics().parameters_active, adapter.weights());
  EXPECT_EQ(adapter.Add(0, 1), (std::vector<int64_t>{2}));
  const Factors factors = adapter.Gather(0);
  EXPECT_EQ(vdb::CountNonZeros(factors.a.As<float>().subspan(2 * 256, 256)), 0u);
  EXPECT_NE(factors.a.As<float>()[3 * 256], 0.0f);
  EXPECT_THROW(adapter.Add(0, adapter.topology().spec().nominal_rank - 3), Error);
}

TEST_P(TrainableAdapterTest, AStoredVersionHasTheSameFactorsTimesTheScale) {
  const model::ModelConfig config = OddShape();
  AdapterSpec spec = DefaultSpec(AdapterKind::kLora, config, "base");
  spec.nominal_rank = 3;
  TrainableAdapter adapter(Topology(config, spec), GetParam());
  adapter.AddAll();
  Fill(adapter, 6, 0.5f);
  const std::string hash = adapter.Save(path(), Options(Encoding::kF32));
  const auto stored = StoredAdapter::Open(path(), config);
  EXPECT_EQ(stored->content_hash(), hash);
  EXPECT_EQ(stored->spec(), spec);
  EXPECT_EQ(stored->name(), "tone");
  for (size_t p = 0; p < adapter.topology().places().size(); ++p) {
    const TopologyPlace& place = adapter.topology().places()[p];
    const Factors factors = adapter.Gather(p);
    const auto& view = stored->views().At(place.at.layer, place.at.module, place.at.expert);
    ASSERT_EQ(view.rank, 3);
    EXPECT_TRUE(std::equal(view.a, view.a + 3 * place.in, factors.a.As<float>().data()));
    for (int64_t i = 0; i < 3 * place.out; ++i) {
      EXPECT_EQ(view.b[i], 2.0f * factors.b.As<float>()[static_cast<size_t>(i)]);
    }
  }
  const AdapterStatistics statistics = stored->Statistics();
  EXPECT_EQ(statistics.parameters_active, statistics.parameters_total);
}

TEST_P(TrainableAdapterTest, StatisticsAreCountedByTensorFromTheGrid) {
  TrainableAdapter adapter = Sparse(WillowbrookShape(), GetParam(), 7);
  // A component whose b was never trained counts with its a alone.
  adapter.Add(2, 1);
  Factors factors = adapter.Gather(2);
  const auto rows = static_cast<size_t>(factors.b.shape()[0]);
  std::ranges::fill(factors.b.As<float>().subspan((rows - 1) * 128), 0.0f);
  std::ranges::fill(factors.a.As<float>().subspan((rows - 1) * 256), 0.1f);
  adapter.Scatter(2, MatrixOf(factors.a), MatrixOf(factors.b));
  adapter.Save(path(), Options(Encoding::kF32));
  const auto stored = StoredAdapter::Open(path(), WillowbrookShape());
  for (const AdapterStatistics& counted : {adapter.Statistics(), stored->Statistics()}) {
    const int64_t rank = adapter.topology().spec().nominal_rank;
    EXPECT_EQ(counted.parameters_total, 29184 * rank);
    EXPECT_EQ(counted.parameters_active, adapter.weights() - 128);
    EXPECT_EQ(static_cast<uint64_t>(counted.parameters_active), stored->grid().Recount().nonzeros);
    EXPECT_GT(counted.sparsity(), 0.99);
    ASSERT_EQ(counted.tensors.size(), 84u);
    EXPECT_EQ(counted.tensors[4].name, "model.layers.0.self_attn.v_proj.lora_A");
    EXPECT_EQ(counted.tensors[4].parameters_active, static_cast<int64_t>(rows) * 256);
    EXPECT_EQ(counted.tensors[5].parameters_active, static_cast<int64_t>(rows - 1) * 128);
    EXPECT_EQ(counted.tensors[5].parameters_total, rank * 128);
    int64_t sum = 0;
    for (const TensorStatistics& tensor : counted.tensors) sum += tensor.parameters_active;
    EXPECT_EQ(sum, counted.parameters_active);
  }
}

TEST_P(TrainableAdapterTest, LoadingGoesOnWhereSavingEnded) {
  TrainableAdapter adapter = Sparse(WillowbrookShape(), GetParam(), 8);
  const std::string hash = adapter.Save(path(), Options(Encoding::kF32));
  TrainableAdapter again = TrainableAdapter::Load(path(), WillowbrookShape(), GetParam());
  for (size_t p = 0; p < adapter.topology().places().size(); ++p) {
    EXPECT_EQ(again.components(p), adapter.components(p));
    const Factors moments = again.Gather(p, TrainableAdapter::Buffer::kFirstMoment);
    EXPECT_EQ(vdb::CountNonZeros(moments.a.As<float>()), 0u);
  }
  EXPECT_EQ(again.Save(folder_ / "second", Options(Encoding::kF32)), hash);
}

TEST_P(TrainableAdapterTest, OneByteCodesKeepTheProductOfEveryComponent) {
  // b is 300 times smaller than a: in shared tiles its values would drown without balancing.
  TrainableAdapter adapter = Sparse(WillowbrookShape(), GetParam(), 9);
  adapter.Save(path(), Options(Encoding::kFp8));
  const auto stored = StoredAdapter::Open(path(), WillowbrookShape());
  double error = 0.0;
  double norm = 0.0;
  for (size_t p = 0; p < adapter.topology().places().size(); ++p) {
    const TopologyPlace& place = adapter.topology().places()[p];
    const Factors factors = adapter.Gather(p);
    const auto& view = stored->views().At(place.at.layer, place.at.module);
    ASSERT_EQ(view.rank, std::ssize(adapter.components(p)));
    for (int64_t c = 0; c < view.rank; ++c) {
      for (int64_t o = 0; o < place.out; ++o) {
        for (int64_t i = 0; i < place.in; i += 7) {
          const double exact =
              factors.a.As<float>()[static_cast<size_t>(c * place.in + i)] *
              static_cast<double>(factors.b.As<float>()[static_cast<size_t>(c * place.out + o)]);
          const double stored_value = static_cast<double>(view.a[c * place.in + i]) *
                                      static_cast<double>(view.b[c * place.out + o]);
          error += (exact - stored_value) * (exact - stored_value);
          norm += exact * exact;
        }
      }
    }
  }
  const double relative = std::sqrt(error / norm);
  RecordProperty("relative_error", std::to_string(relative));
  EXPECT_LT(relative, 0.02);
}

TEST_P(TrainableAdapterTest, AnAdapterOfAnotherModelIsRefused) {
  Sparse(WillowbrookShape(), GetParam(), 10).Save(path(), Options(Encoding::kF32));
  try {
    StoredAdapter::Open(path(), *model::PublishedShape("qwen3-1.7b"));
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kFailedPrecondition);
  }
}

TEST_P(TrainableAdapterTest, AGridThatIsNoAdapterIsRefused) {
  const model::ModelConfig config = WillowbrookShape();
  const Topology topology(config, DefaultSpec(AdapterKind::kSparse, config, "base"));
  const std::array<float, vdb::kTileWeights> ones = [] {
    std::array<float, vdb::kTileWeights> values;
    values.fill(1.0f);
    return values;
  }();
  const auto refused = [&](const std::string& metadata, uint64_t tile) {
    const vdb::GridContent content{.name = "x",
                                   .metadata = std::as_bytes(std::span(metadata)),
                                   .tiles = {{.tile = tile, .values = ones.data()}}};
    vdb::WriteGrid(path(), content, Encoding::kF32, GetParam());
    EXPECT_THROW(StoredAdapter::Open(path(), config), Error) << metadata << tile;
  };
  const std::string metadata = WriteMetadata(topology);
  refused("", 0);
  refused("{}", 0);
  refused("[1]", 0);
  refused(R"({"format": "hyprstream adapter 1"})", 0);
  refused(R"({"format": "hyprstream adapter 2"})", 0);
  refused(metadata, topology.tiles_per_level() * topology.spec().nominal_rank);
  refused(metadata, 1);  // k_proj's 384 weights end inside the tile: padding that is not zero
}

TEST(AdapterBackends, BothGiveTheSameHash) {
  const Folder folder;
  std::set<std::string> hashes;
  for (const Backend backend : Backends()) {
    const TrainableAdapter adapter = Sparse(WillowbrookShape(), backend, 11);
    for (const Backend file : Backends()) {
      hashes.insert(adapter.Save(folder / "v", {.name = "n", .backend = file}));
    }
  }
  EXPECT_EQ(hashes.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Backends, TrainableAdapterTest, ::testing::ValuesIn(Backends()),
                         [](const auto& given) {
                           return std::string(vdb::BackendName(given.param));
                         });

}  // namespace
}  // namespace hyprstream::adapters
