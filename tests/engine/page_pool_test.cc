#include "engine/page_pool.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "fake_model.h"

namespace hyprstream::engine {
namespace {

PageKey KeyOf(uint8_t value) {
  PageKey key{};
  key[0] = value;
  return key;
}

TEST(PagePool, EveryPageIsGivenOnce) {
  PagePool pool(5, PrefixReuse::kOn);
  std::vector<int32_t> pages;
  while (const auto page = pool.Take()) pages.push_back(*page);
  EXPECT_EQ(pages, (std::vector<int32_t>{0, 1, 2, 3, 4}));
  EXPECT_EQ(pool.held(), 5);
  pool.Release(pages);
  EXPECT_EQ(pool.held(), 0);
  EXPECT_EQ(pool.available(), 5);
}

TEST(PagePool, PublishedPagesAreFoundUntilTheyAreNeeded) {
  PagePool pool(2, PrefixReuse::kOn);
  const std::vector<int32_t> pages = {*pool.Take(), *pool.Take()};
  pool.Publish(pages[0], KeyOf(1));
  pool.Publish(pages[1], KeyOf(2));
  pool.Release(pages);
  EXPECT_EQ(pool.kept(), 2);
  EXPECT_EQ(pool.held(), 0);
  EXPECT_EQ(pool.Find(KeyOf(1)), pages[0]);
  EXPECT_EQ(pool.held(), 1);
  EXPECT_EQ(pool.Take(), pages[1]);  // the only one left: its content is given up
  EXPECT_FALSE(pool.Find(KeyOf(2)));
  EXPECT_FALSE(pool.Take());
}

TEST(PagePool, TheLeastRecentlyUsedGoesFirstAndTheEndOfAPrefixBeforeItsBeginning) {
  PagePool pool(4, PrefixReuse::kOn);
  const std::vector<int32_t> a = {*pool.Take(), *pool.Take()};
  const std::vector<int32_t> b = {*pool.Take(), *pool.Take()};
  for (uint8_t i = 0; i < 2; ++i) {
    pool.Publish(a[i], KeyOf(static_cast<uint8_t>(10 + i)));
    pool.Publish(b[i], KeyOf(static_cast<uint8_t>(20 + i)));
  }
  pool.Release(a);
  pool.Release(b);
  // Using a again makes b the older one.
  pool.Release(std::vector<int32_t>{*pool.Find(KeyOf(10)), *pool.Find(KeyOf(11))});
  EXPECT_EQ(pool.Take(), b[1]);
  EXPECT_EQ(pool.Take(), b[0]);
  EXPECT_EQ(pool.Take(), a[1]);
  EXPECT_EQ(pool.Take(), a[0]);
}

TEST(PagePool, ASharedPageIsFreeOnlyWhenAllHaveLeft) {
  PagePool pool(1, PrefixReuse::kOn);
  const std::vector<int32_t> page = {*pool.Take()};
  pool.Publish(page[0], KeyOf(1));
  ASSERT_TRUE(pool.Find(KeyOf(1)));
  pool.Release(page);
  EXPECT_FALSE(pool.Take());
  pool.Release(page);
  EXPECT_EQ(pool.Take(), page[0]);
}

TEST(PagePool, WithoutReuseNothingIsKept) {
  PagePool pool(1, PrefixReuse::kOff);
  const std::vector<int32_t> page = {*pool.Take()};
  pool.Publish(page[0], KeyOf(1));
  pool.Release(page);
  EXPECT_EQ(pool.kept(), 0);
  EXPECT_FALSE(pool.Find(KeyOf(1)));
}

TEST(PageKey, DependsOnEverythingThatKeysAndValuesDependOn) {
  const std::vector<AdapterChoice> one = {{testing::FakeAdapter(1), 1.0f}};
  const std::vector<AdapterChoice> scaled = {{testing::FakeAdapter(1), 0.5f}};
  const std::vector<AdapterChoice> two = {{testing::FakeAdapter(1), 1.0f},
                                          {testing::FakeAdapter(2), 1.0f}};
  const std::vector<AdapterChoice> swapped = {two[1], two[0]};
  const std::vector<PageKey> roots = {
      RootKey({"m", DType::kBF16, {}}),      RootKey({"n", DType::kBF16, {}}),
      RootKey({"m", DType::kF32, {}}),       RootKey({"m", DType::kBF16, one}),
      RootKey({"m", DType::kBF16, scaled}),  RootKey({"m", DType::kBF16, two}),
      RootKey({"m", DType::kBF16, swapped}), RootKey({"m", DType::kBF16, {}, 17})};
  for (size_t i = 0; i < roots.size(); ++i) {
    for (size_t j = 0; j < i; ++j) EXPECT_NE(roots[i], roots[j]) << i << " " << j;
  }
  std::vector<int32_t> tokens(100);
  std::iota(tokens.begin(), tokens.end(), 0);
  std::vector<PageKey> keys;
  ExtendKeys(roots[0], std::span(tokens).first(40), keys);
  EXPECT_EQ(keys.size(), 1u);
  ExtendKeys(roots[0], tokens, keys);
  EXPECT_EQ(keys.size(), 3u);
  std::vector<PageKey> other;
  tokens[0] = 99;
  ExtendKeys(roots[0], tokens, other);
  for (size_t i = 0; i < 3; ++i) EXPECT_NE(keys[i], other[i]) << "a later page hides the first";
}

}  // namespace
}  // namespace hyprstream::engine
