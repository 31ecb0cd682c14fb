#include "tensor/shape.h"

#include <gtest/gtest.h>

namespace hyprstream {
namespace {

TEST(Shape, CountsFromBothEnds) {
  const Shape shape{2, 3, 4};
  EXPECT_EQ(shape.rank(), 3);
  EXPECT_EQ(shape[0], 2);
  EXPECT_EQ(shape[-1], 4);
  EXPECT_EQ(shape[-3], 2);
  EXPECT_EQ(shape.elements(), 24);
  EXPECT_EQ(shape.ToString(), "[2, 3, 4]");
}

TEST(Shape, NoDimensionsIsOneElement) {
  EXPECT_EQ(Shape{}.elements(), 1);
  EXPECT_EQ(Shape{}.ToString(), "[]");
}

TEST(Shape, ProductsThatOverflowAreNoNumber) {
  const int64_t large = int64_t{1} << 32;
  EXPECT_EQ((Shape{large, large}).CheckedElements(), std::nullopt);
  EXPECT_EQ((Shape{large, large, 0}).CheckedElements(), 0);
  EXPECT_EQ((Shape{-1}).CheckedElements(), std::nullopt);
  EXPECT_EQ((Shape{large, large / 4}).CheckedElements(), int64_t{1} << 62);
}

TEST(Shape, EqualityComparesRankAndExtents) {
  EXPECT_EQ((Shape{2, 3}), (Shape{2, 3}));
  EXPECT_FALSE((Shape{2, 3}) == (Shape{2, 3, 1}));
  EXPECT_FALSE((Shape{2, 3}) == (Shape{3, 2}));
}

TEST(ShapeDeathTest, OutOfRangeIsABrokenInvariant) {
  EXPECT_DEATH((Shape{2})[1], "broken invariant");
  EXPECT_DEATH((Shape{2})[-2], "broken invariant");
}

}  // namespace
}  // namespace hyprstream
