// What changed between two adapters, against the updates written out as matrices.
#include "adapters/difference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>

#include "adapters/topology_case.h"
#include "adapters/trainable_adapter.h"
#include "base/folder.h"

namespace hyprstream::adapters {
namespace {

using testing::WillowbrookShape;

constexpr size_t kPlaces = 6 * 7;

class DifferenceTest : public ::testing::Test {
 protected:
  std::shared_ptr<const StoredAdapter> Make(const std::function<void(TrainableAdapter&)>& fill,
                                            double scale = 1.0) {
    AdapterSpec spec = DefaultSpec(AdapterKind::kSparse, config_, "base");
    spec.scale = scale;
    TrainableAdapter adapter(Topology(config_, spec));
    fill(adapter);
    const auto file = folder_ / (std::to_string(made_++) + ".nvdb");
    adapter.Save(file, {.name = "tone"});
    return StoredAdapter::Open(file, config_);
  }

  void Fill(TrainableAdapter& adapter, size_t place, std::vector<int64_t> components,
            uint32_t seed) {
    adapter.AddThese(place, components);
    Factors factors = adapter.Gather(place);
    std::mt19937 random(seed);
    std::normal_distribution<float> normal(0.0f, 0.1f);
    for (float& value : factors.a.As<float>()) value = normal(random);
    for (float& value : factors.b.As<float>()) value = normal(random);
    adapter.Scatter(place, MatrixOf(factors.a), MatrixOf(factors.b));
  }

  /// Scale · B A of a place, [out, in].
  std::vector<double> Update(const StoredAdapter& adapter, size_t place) {
    const TopologyPlace& at = adapter.topology().places()[place];
    const ops::LowRankView& view = adapter.views().At(at.at.layer, at.at.module);
    std::vector<double> update(static_cast<size_t>(at.out * at.in));
    for (int64_t c = 0; c < view.rank; ++c) {
      for (int64_t o = 0; o < at.out; ++o) {
        for (int64_t i = 0; i < at.in; ++i) {
          update[static_cast<size_t>(o * at.in + i)] +=
              static_cast<double>(view.b[c * at.out + o]) *
              static_cast<double>(view.a[c * at.in + i]);
        }
      }
    }
    return update;
  }

  const model::ModelConfig config_ = WillowbrookShape();
  testing::Folder folder_;
  int made_ = 0;
};

TEST_F(DifferenceTest, NormsAndCosinesAreThoseOfTheUpdates) {
  const auto from = Make([&](TrainableAdapter& a) { Fill(a, 3, {0, 1, 2}, 1); }, 2.0);
  const auto to = Make([&](TrainableAdapter& a) { Fill(a, 3, {0, 4}, 2); });
  const std::vector<double> x = Update(*from, 3), y = Update(*to, 3);
  double xx = 0, yy = 0, xy = 0, dd = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xx += x[i] * x[i];
    yy += y[i] * y[i];
    xy += x[i] * y[i];
    dd += (y[i] - x[i]) * (y[i] - x[i]);
  }
  const AdapterDifference difference = Compare(from.get(), to.get());
  ASSERT_EQ(difference.modules.size(), 1u);
  EXPECT_EQ(difference.modules[0].path, from->topology().places()[3].path);
  for (const UpdateChange& change : {difference.change, difference.modules[0].change}) {
    EXPECT_NEAR(change.norm_from, std::sqrt(xx), 1e-9);
    EXPECT_NEAR(change.norm_to, std::sqrt(yy), 1e-9);
    EXPECT_NEAR(*change.Relative(), std::sqrt(dd / xx), 1e-9);
    EXPECT_NEAR(*change.Cosine(), xy / std::sqrt(xx * yy), 1e-9);
  }
}

TEST_F(DifferenceTest, ComponentsAreKeptAddedAndDroppedByNumber) {
  const auto from = Make([&](TrainableAdapter& a) {
    Fill(a, 0, {0, 1, 2}, 1);
    Fill(a, 5, {3}, 2);
  });
  const auto to = Make([&](TrainableAdapter& a) {
    Fill(a, 0, {0, 2, 9}, 4);
    Fill(a, 7, {0, 1}, 3);
  });
  const AdapterDifference difference = Compare(from.get(), to.get());
  ASSERT_EQ(difference.modules.size(), 3u);
  const auto counts = [](const ModuleDifference& m) {
    return std::vector<int64_t>{m.kept, m.added, m.dropped};
  };
  EXPECT_EQ(counts(difference.modules[0]), (std::vector<int64_t>{2, 1, 1}));
  EXPECT_EQ(counts(difference.modules[1]), (std::vector<int64_t>{0, 0, 1}));
  EXPECT_EQ(counts(difference.modules[2]), (std::vector<int64_t>{0, 2, 0}));
  EXPECT_FALSE(difference.modules[2].change.Relative().has_value());
  EXPECT_FALSE(difference.modules[1].change.Cosine().has_value());
  EXPECT_EQ(*difference.modules[1].change.Relative(), 1.0);
  EXPECT_EQ(difference.kept, 2);
  EXPECT_EQ(difference.added, 3);
  EXPECT_EQ(difference.dropped, 2);
}

TEST_F(DifferenceTest, TheSameAdapterDiffersInNothing) {
  const auto fill = [&](TrainableAdapter& a) {
    for (size_t p = 0; p < kPlaces; ++p) Fill(a, p, {0, 1}, static_cast<uint32_t>(p));
  };
  const auto one = Make(fill), other = Make(fill);
  const AdapterDifference difference = Compare(one.get(), other.get());
  EXPECT_EQ(difference.kept, static_cast<int64_t>(2 * kPlaces));
  EXPECT_EQ(difference.added + difference.dropped, 0);
  EXPECT_EQ(*difference.change.Relative(), 0.0);
  EXPECT_DOUBLE_EQ(*difference.change.Cosine(), 1.0);
}

TEST_F(DifferenceTest, SharingASizeBetweenTheVectorsChangesNothing) {
  const auto one = Make([&](TrainableAdapter& a) { Fill(a, 2, {0, 1}, 1); });
  const auto other = Make([&](TrainableAdapter& a) {
    Fill(a, 2, {0, 1}, 1);
    Factors factors = a.Gather(2);
    for (float& value : factors.a.As<float>()) value *= 8.0f;
    for (float& value : factors.b.As<float>()) value /= 8.0f;
    a.Scatter(2, MatrixOf(factors.a), MatrixOf(factors.b));
  });
  EXPECT_EQ(*Compare(one.get(), other.get()).change.Relative(), 0.0);
}

TEST_F(DifferenceTest, TheBaseHasNoComponents) {
  const auto some = Make([&](TrainableAdapter& a) { Fill(a, 2, {0, 1}, 1); });
  EXPECT_EQ(Compare(nullptr, some.get()).added, 2);
  EXPECT_EQ(Compare(some.get(), nullptr).dropped, 2);
  EXPECT_TRUE(Compare(nullptr, nullptr).modules.empty());
}

}  // namespace
}  // namespace hyprstream::adapters
