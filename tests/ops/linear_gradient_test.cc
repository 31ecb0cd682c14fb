#include "ops/linear_gradient.h"

#include <limits>

#include "linear_case.h"
#include "linear_gradient_case.h"

namespace hyprstream {
namespace {

using ops::Arithmetic;
using ops::LinearWeight;
using testing::InputGradient;
using testing::OpContext;
using testing::Rows;

class LinearGradientTest : public testing::EveryIsa {};
HYPR_EVERY_ISA(LinearGradientTest);

TEST_P(LinearGradientTest, EqualsTheReference) {
  OpContext context(GetParam(), 2);
  const testing::OpFixture fixture("matmul");
  for (const std::string name :
       {"1x1x1", "1x17x5", "1x112x48", "2x257x3", "33x20x65", "3x48x80", "5x1x9", "7x100x33"}) {
    SCOPED_TRACE(name);
    const Rows dy = fixture.Get(name + ".gy");
    const auto weight =
        LinearWeight::Create(context, fixture.View(name + ".w"), std::nullopt, Arithmetic::kExact);
    const double terms = std::sqrt(static_cast<double>(dy.cols));
    testing::ExpectNear(InputGradient(context, weight, dy).data, fixture.Get(name + ".grad_x").data,
                        2e-6 * terms, 2e-5 * terms);
  }
}

TEST_P(LinearGradientTest, AddsItsTermsInOrder) {
  OpContext context(GetParam(), 2);
  for (const DType type : {DType::kBF16, DType::kQ4_K, DType::kF32}) {
    const Tensor w = testing::RandomWeight(type, 300, 512, 1);
    const Tensor v = testing::RandomWeight(DType::kQ8_0, 77, 512, 2);
    const auto first = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kServing);
    const auto second = LinearWeight::Create(context, v.view(), std::nullopt, Arithmetic::kServing);
    const Rows dy = testing::RandomRows(19, 300, 3);
    const Rows dv = testing::RandomRows(19, 77, 4);
    Rows sum(19, 512);
    const ops::LinearGradientTerm terms[] = {{&first, dy.matrix()}, {&second, dv.matrix()}};
    ops::LinearInputGradient(context, terms, sum.matrix());
    Rows expected = InputGradient(context, first, dy);
    const Rows share = InputGradient(context, second, dv);
    for (size_t i = 0; i < expected.data.size(); ++i) expected.data[i] += share.data[i];
    EXPECT_TRUE(testing::SameBits(sum.data, expected.data)) << Name(type);
  }
}

TEST_P(LinearGradientTest, IsZeroWithoutTerms) {
  OpContext context(GetParam());
  Rows dx = testing::RandomRows(3, 40, 1);
  ops::LinearInputGradient(context, {}, dx.matrix());
  EXPECT_EQ(dx.data, Rows(3, 40).data);
}

TEST_P(LinearGradientTest, ReadsAndWritesStridedMatrices) {
  OpContext context(GetParam());
  const Tensor w = testing::RandomWeight(DType::kQ5_0, 21, 96, 1);
  const auto weight = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kServing);
  const Rows wide = testing::RandomRows(4, 50, 3);
  Rows dy(4, 21);
  for (int64_t m = 0; m < 4; ++m) {
    std::memcpy(dy.matrix().row(m), wide.matrix().row(m), 21 * sizeof(float));
  }
  Rows dx(4, 100);
  const ops::LinearGradientTerm term{&weight, {wide.data.data(), 4, 21, 50}};
  ops::LinearInputGradient(context, {&term, 1}, dx.matrix().Cols(3, 96));
  const Rows expected = InputGradient(context, weight, dy);
  for (int64_t m = 0; m < 4; ++m) {
    EXPECT_TRUE(testing::SameBits({dx.matrix().row(m) + 3, 96}, {expected.matrix().row(m), 96}));
    EXPECT_EQ(dx.matrix().row(m)[2], 0.0f);
    EXPECT_EQ(dx.matrix().row(m)[99], 0.0f);
  }
}

TEST_P(LinearGradientTest, ReadsNothingBeyondTheWeight) {
  OpContext context(GetParam());
  // Exactly as many bytes as the weight has, at an odd address.
  for (const DType type : testing::WeightTypes()) {
    const int64_t in = testing::InFeatures(type, 33);
    const Tensor w = testing::RandomWeight(type, 3, in, 1);
    const std::span<const std::byte> bytes = w.view().bytes;
    const std::unique_ptr<std::byte[]> moved(new std::byte[bytes.size() + 1]);
    std::memcpy(moved.get() + 1, bytes.data(), bytes.size());
    const TensorView view{type, Shape{3, in}, {moved.get() + 1, bytes.size()}};
    const Rows dy = testing::RandomRows(2, 3, 2);
    for (const auto arithmetic : {Arithmetic::kServing, Arithmetic::kExact}) {
      const auto weight = LinearWeight::Create(context, view, std::nullopt, arithmetic);
      const auto aligned = LinearWeight::Create(context, w.view(), std::nullopt, arithmetic);
      EXPECT_TRUE(testing::SameBits(InputGradient(context, weight, dy).data,
                                    InputGradient(context, aligned, dy).data))
          << Name(type);
    }
  }
}

TEST_P(LinearGradientTest, ANotANumberStaysInItsRow) {
  OpContext context(GetParam(), 2);
  for (const DType type : testing::WeightTypes()) {
    const int64_t in = testing::InFeatures(type, 64);
    const Tensor w = testing::RandomWeight(type, 19, in, 1);
    const auto weight = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kServing);
    Rows dy = testing::RandomRows(30, 19, 3);
    const Rows clean = InputGradient(context, weight, dy);
    dy.matrix().row(2)[18] = std::numeric_limits<float>::quiet_NaN();
    const Rows dx = InputGradient(context, weight, dy);
    for (int64_t m = 0; m < 30; ++m) {
      const std::span<const float> row(dx.matrix().row(m), static_cast<size_t>(in));
      if (m == 2) {
        for (const float value : row) ASSERT_TRUE(std::isnan(value)) << Name(type);
      } else {
        ASSERT_TRUE(testing::SameBits(row, {clean.matrix().row(m), row.size()})) << Name(type);
      }
    }
  }
}

TEST(LinearGradientTest, WidensABoundedPieceOfTheWeight) {
  OpContext context(kernels::ChooseIsa(), 2);
  const Tensor w = testing::RandomWeight(DType::kQ4_0, 4096, 2048, 1);
  const auto weight = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kServing);
  const Rows dy = testing::RandomRows(3, 4096, 2);
  InputGradient(context, weight, dy);
  const size_t held = context.scratch().held();
  EXPECT_LE(held, size_t{4} << 20);
  InputGradient(context, weight, dy);
  EXPECT_EQ(context.scratch().held(), held);
}

}  // namespace
}  // namespace hyprstream
