#include "tensor/tensor.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace hyprstream {
namespace {

TEST(Tensor, IsZeroedAndAligned) {
  Tensor tensor(DType::kF32, {3, 5});
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.As<float>().data()) % AlignedBuffer::kAlignment, 0u);
  EXPECT_TRUE(std::ranges::all_of(tensor.As<float>(), [](float x) { return x == 0; }));
  EXPECT_EQ(tensor.As<float>().size(), 15u);
}

TEST(Tensor, ScalarsAndEmptyOnesHaveTheirSize) {
  EXPECT_EQ(Tensor(DType::kF32, {}).view().bytes.size(), 4u);
  EXPECT_EQ(Tensor(DType::kF32, {0, 3}).view().bytes.size(), 0u);
  EXPECT_EQ(Tensor(DType::kF32, {3, 0}).view().bytes.size(), 0u);
}

TEST(TensorView, RowsOfAQuantisedMatrixAreWholeBlocks) {
  const Tensor tensor(DType::kQ4_0, {4, 64});
  const TensorView view = tensor.view();
  EXPECT_EQ(view.rows(), 4);
  EXPECT_EQ(view.row_bytes(), 36u);
  EXPECT_EQ(view.row(2).data(), view.bytes.data() + 72);
  const TensorView part = view.Rows(1, 2);
  EXPECT_EQ(part.shape, (Shape{2, 64}));
  EXPECT_EQ(part.bytes.data(), view.bytes.data() + 36);
  EXPECT_EQ(part.bytes.size(), 72u);
}

TEST(TensorView, HigherRanksFlattenIntoRows) {
  const Tensor tensor(DType::kF16, {2, 3, 4});
  EXPECT_EQ(tensor.view().rows(), 6);
  EXPECT_EQ(tensor.view().cols(), 4);
}

TEST(TensorViewDeathTest, ReadingWithTheWrongTypeIsABrokenInvariant) {
  const Tensor tensor(DType::kF16, {4});
  EXPECT_DEATH(tensor.view().As<float>(), "broken invariant");
}

}  // namespace
}  // namespace hyprstream
