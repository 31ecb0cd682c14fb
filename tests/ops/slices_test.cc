// Long operations give their threads back on the way, and what others compute meanwhile changes no
// bit of theirs.
#include "ops/slices.h"

#include "linear_gradient_case.h"
#include "ops/token_loss.h"

namespace hyprstream {
namespace {

using testing::Rows;

constexpr int64_t kRows = 260;
constexpr int64_t kIn = 1024;
constexpr int64_t kOut = 2500;

// Products with two weights, alone and while every pause lets somebody else multiply.
class SlicesTest : public ::testing::Test {
 protected:
  SlicesTest()
      : weight_(Weight(kOut, 1)),
        other_(Weight(100, 2)),
        input_(testing::RandomRows(kRows, kIn, 3)),
        wanted_(testing::Multiply(context_, input_, other_)) {}

  ops::LinearWeight Weight(int64_t out, uint32_t seed) {
    tensors_.push_back(
        std::make_unique<Tensor>(testing::RandomWeight(DType::kQ8_0, out, kIn, seed)));
    return ops::LinearWeight::Create(context_, tensors_.back()->view(), std::nullopt,
                                     ops::Arithmetic::kServing);
  }

  ops::Context Pausing() {
    return {pool_, kernels::ChooseIsa(), scratch_, [this] {
              ++pauses_;
              EXPECT_TRUE(testing::SameBits(testing::Multiply(context_, input_, other_).data,
                                            wanted_.data));
            }};
  }

  ThreadPool pool_{2};
  ops::Scratch others_scratch_;
  ops::Context context_{pool_, kernels::ChooseIsa(), others_scratch_};
  ops::Scratch scratch_;
  std::vector<std::unique_ptr<Tensor>> tensors_;
  ops::LinearWeight weight_;
  ops::LinearWeight other_;
  Rows input_;
  Rows wanted_;
  int pauses_ = 0;
};

TEST_F(SlicesTest, OnlyWhoWouldPauseCuts) {
  EXPECT_EQ(ops::SlicesFor(context_, 20 * ops::kSliceProducts), 1);
  EXPECT_EQ(ops::SlicesFor(Pausing(), 20 * ops::kSliceProducts), 10);
  EXPECT_EQ(ops::SlicesFor(Pausing(), 1), 1);
}

TEST_F(SlicesTest, AProductOfManyRows) {
  ops::Context pausing = Pausing();
  const Rows y = testing::Multiply(pausing, input_, weight_);
  EXPECT_GE(pauses_, 1);
  EXPECT_TRUE(testing::SameBits(y.data, testing::Multiply(context_, input_, weight_).data));
}

TEST_F(SlicesTest, TwoProductsOfTheSameRows) {
  ops::Context pausing = Pausing();
  Rows y(kRows, kOut);
  Rows z(kRows, 100);
  const ops::LinearCall calls[] = {{&weight_, y.matrix(), {}}, {&other_, z.matrix(), {}}};
  ops::Linear(pausing, input_.matrix(), calls);
  EXPECT_GE(pauses_, 1);
  EXPECT_TRUE(testing::SameBits(y.data, testing::Multiply(context_, input_, weight_).data));
  EXPECT_TRUE(testing::SameBits(z.data, wanted_.data));
}

TEST_F(SlicesTest, TheInputsGradient) {
  ops::Context pausing = Pausing();
  const Rows dy = testing::RandomRows(kRows, kOut, 4);
  const Rows dz = testing::RandomRows(kRows, 100, 5);
  const ops::LinearGradientTerm terms[] = {{&weight_, dy.matrix()}, {&other_, dz.matrix()}};
  Rows cut(kRows, kIn);
  ops::LinearInputGradient(pausing, terms, cut.matrix());
  EXPECT_GE(pauses_, 2);
  Rows whole(kRows, kIn);
  ops::LinearInputGradient(context_, terms, whole.matrix());
  EXPECT_TRUE(testing::SameBits(cut.data, whole.data));
}

TEST_F(SlicesTest, TheLossOfManyTargets) {
  const std::vector<int32_t> labels(static_cast<size_t>(kRows), 7);
  const ops::TokenLossInput input{.head = weight_, .hidden = input_.matrix(), .labels = labels};
  ops::Context pausing = Pausing();
  Rows cut(kRows, kIn);
  const double loss = ops::TokenLoss(pausing, input, {}, cut.matrix()).loss;
  EXPECT_GE(pauses_, 5);  // three kinds of work, each with one after it
  Rows whole(kRows, kIn);
  EXPECT_EQ(ops::TokenLoss(context_, input, {}, whole.matrix()).loss, loss);
  EXPECT_TRUE(testing::SameBits(cut.data, whole.data));
}

}  // namespace
}  // namespace hyprstream
