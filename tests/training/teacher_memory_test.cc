// What is remembered comes back as it was, as far as the memory goes.
#include "training/teacher_memory.h"

#include <gtest/gtest.h>

#include <vector>

#include "tensor/tensor.h"

namespace hyprstream::training {
namespace {

Sample WithTargets(size_t count) {
  return {.ids = std::vector<int32_t>(count + 1, 1), .labels = std::vector<int32_t>(count + 1, 1)};
}

Tensor Rows(int64_t rows, float first) {
  Tensor tensor(DType::kF32, {rows, 4});
  for (float& value : tensor.As<float>()) value = first++;
  return tensor;
}

std::vector<float> Values(const Tensor& tensor) {
  return {tensor.As<float>().begin(), tensor.As<float>().end()};
}

TEST(TeacherMemory, GivesBackWhatItKeptInAnyOrder) {
  const Sample two = WithTargets(2), one = WithTargets(1);
  const std::vector<const Sample*> kept{&two, &one}, asked{&one, &two};
  TeacherMemory memory({1024});
  memory.Keep(kept, MatrixOf(Rows(3, 1.0f)));
  Tensor out = Rows(3, 0.0f);
  ASSERT_TRUE(memory.Recall(asked, MatrixOf(out)));
  EXPECT_EQ(Values(out), (std::vector<float>{9, 10, 11, 12, 1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(TeacherMemory, HoldsNoMoreThanItMay) {
  const Sample first = WithTargets(2), second = WithTargets(2), third = WithTargets(1);
  const std::vector<const Sample*> all{&first, &second, &third};
  TeacherMemory memory({3 * 4 * sizeof(float)});
  memory.Keep(all, MatrixOf(Rows(5, 1.0f)));
  const std::vector<const Sample*> fitting{&first, &third}, refused{&second};
  Tensor out = Rows(3, 0.0f);
  EXPECT_TRUE(memory.Recall(fitting, MatrixOf(out)));
  EXPECT_EQ(Values(out), (std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8, 17, 18, 19, 20}));
  Tensor untouched = Rows(2, 0.0f);
  EXPECT_FALSE(memory.Recall(refused, MatrixOf(untouched)));
  EXPECT_EQ(Values(untouched), Values(Rows(2, 0.0f)));
}

}  // namespace
}  // namespace hyprstream::training
