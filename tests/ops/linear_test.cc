#include "ops/linear.h"

#include <limits>

#include "linear_case.h"

namespace hyprstream {
namespace {

using ops::Arithmetic;
using ops::LinearWeight;
using testing::OpContext;
using testing::Rows;

constexpr double kEps = std::numeric_limits<float>::epsilon();

class LinearTest : public testing::EveryIsa {};
HYPR_EVERY_ISA(LinearTest);

TEST_P(LinearTest, EqualsTheReference) {
  OpContext context(GetParam(), 2);
  const testing::OpFixture fixture("matmul");
  for (const std::string name :
       {"1x1x1", "1x17x5", "1x112x48", "2x257x3", "33x20x65", "3x48x80", "5x1x9", "7x100x33"}) {
    SCOPED_TRACE(name);
    const Rows x = fixture.Get(name + ".x");
    const auto weight =
        LinearWeight::Create(context, fixture.View(name + ".w"), std::nullopt, Arithmetic::kExact);
    const double terms = std::sqrt(static_cast<double>(x.cols));
    testing::ExpectNear(testing::Multiply(context, x, weight).data, fixture.Get(name + ".y").data,
                        2e-6 * terms, 2e-5 * terms);
  }
}

struct Size {
  int64_t rows, out, in;
};
constexpr Size kSizes[] = {{1, 1, 32},    {3, 7, 20},    {8, 17, 288},
                           {13, 33, 256}, {2, 80, 1060}, {40, 20, 530}};

// Errors of f32 sums: a lane or block adds up to k / 8 terms and the tree a few more, each rounding
// relative to what is summed so far.
double SumTolerance(int64_t in, double magnitude) {
  return kEps * (4 + 0.25 * std::sqrt(static_cast<double>(in))) * magnitude;
}

/// Each output against a sum in f64 over the widened weights, `rounded` giving the activations that
/// count.
template <typename Rounded>
void ExpectProducts(const Rows& y, const Rows& x, const Tensor& w, Rounded&& rounded) {
  const Tensor wide = DequantizeToF32(w.view());
  const int64_t in = x.cols;
  for (int64_t m = 0; m < x.rows; ++m) {
    const std::vector<double> xs =
        rounded(std::span<const float>(x.matrix().row(m), static_cast<size_t>(in)));
    for (int64_t i = 0; i < y.cols; ++i) {
      const auto ws = wide.As<float>().subspan(static_cast<size_t>(i * in), xs.size());
      const testing::Product expected = testing::Dot(xs, ws);
      ASSERT_NEAR(y.matrix().row(m)[i], expected.value,
                  SumTolerance(in, expected.magnitude) + 1e-30)
          << "row " << m << " output " << i;
    }
  }
}

std::vector<double> AsTheyAre(std::span<const float> row) { return {row.begin(), row.end()}; }

TEST_P(LinearTest, ExactArithmeticEqualsWidenedWeights) {
  OpContext context(GetParam());
  for (const DType type : testing::WeightTypes()) {
    for (const Size& size : kSizes) {
      const int64_t in = testing::InFeatures(type, size.in);
      SCOPED_TRACE(std::string(Name(type)) + " in " + std::to_string(in));
      const Tensor w = testing::RandomWeight(type, size.out, in, 3);
      const Rows x = testing::RandomRows(size.rows, in, 5);
      const auto weight = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kExact);
      ExpectProducts(testing::Multiply(context, x, weight), x, w, AsTheyAre);
    }
  }
}

TEST_P(LinearTest, ServingArithmeticRoundsNothingButTheActivations) {
  OpContext context(GetParam(), 2);
  for (const DType type : testing::WeightTypes()) {
    for (const Size& size : kSizes) {
      const int64_t in = testing::InFeatures(type, size.in);
      SCOPED_TRACE(std::string(Name(type)) + " in " + std::to_string(in));
      const Tensor w = testing::RandomWeight(type, size.out, in, 7);
      const Rows x = testing::RandomRows(size.rows, in, 11);
      const auto weight =
          LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kServing);
      const auto rounding = IsQuantized(type) ? testing::Int8Rounded
                            : type == DType::kBF16 && GetParam() == kernels::Isa::kAvx512
                                ? testing::Bf16Rounded
                                : AsTheyAre;
      ExpectProducts(testing::Multiply(context, x, weight), x, w, rounding);
    }
  }
}

TEST_P(LinearTest, ManyRowsEqualTheirBeginning) {
  OpContext context(GetParam(), 2);
  for (const DType type : {DType::kBF16, DType::kF32, DType::kQ8_0, DType::kQ4_K, DType::kQ6_K}) {
    const Tensor w = testing::RandomWeight(type, 70, 512, 1);
    const auto weight = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kServing);
    const Rows x = testing::RandomRows(512, 512, 2);
    const Rows all = testing::Multiply(context, x, weight);
    for (const int64_t row : {0, 1, 127, 128, 129, 300, 511}) {
      const Rows one = testing::Multiply(context, testing::SomeRows(x, row, 1), weight);
      EXPECT_TRUE(testing::SameBits(testing::SomeRows(all, row, 1).data, one.data))
          << Name(type) << " row " << row;
    }
  }
}

TEST_P(LinearTest, AddsTheBias) {
  OpContext context(GetParam());
  for (const DType type : {DType::kF32, DType::kQ4_0, DType::kF64}) {
    const Tensor w = testing::RandomWeight(type, 21, 64, 1);
    const Tensor bias = testing::RandomWeight(DType::kBF16, 1, 21, 2);
    const Rows x = testing::RandomRows(5, 64, 3);
    const TensorView bias_view{DType::kBF16, Shape{21}, bias.view().bytes};
    const auto plain = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kServing);
    const auto biased = LinearWeight::Create(context, w.view(), bias_view, Arithmetic::kServing);
    Rows expected = testing::Multiply(context, x, plain);
    const Tensor widened = DequantizeToF32(bias_view);
    for (size_t i = 0; i < expected.data.size(); ++i) {
      expected.data[i] += widened.As<float>()[i % 21];
    }
    EXPECT_EQ(testing::Multiply(context, x, biased).data, expected.data) << Name(type);
  }
}

TEST_P(LinearTest, ReadsAndWritesStridedMatrices) {
  OpContext context(GetParam());
  const Tensor w = testing::RandomWeight(DType::kQ5_K, 19, 256, 1);
  const auto weight = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kServing);
  const Rows wide = testing::RandomRows(4, 300, 3);
  Rows x(4, 256);
  for (int64_t m = 0; m < 4; ++m) {
    std::memcpy(x.matrix().row(m), wide.matrix().row(m), 256 * sizeof(float));
  }
  Rows y(4, 25);
  const ops::LinearCall call{&weight, y.matrix().Cols(3, 19), {}};
  ops::Linear(context, {wide.data.data(), 4, 256, 300}, {&call, 1});
  const Rows expected = testing::Multiply(context, x, weight);
  for (int64_t m = 0; m < 4; ++m) {
    EXPECT_TRUE(testing::SameBits({y.matrix().row(m) + 3, 19}, {expected.matrix().row(m), 19}));
    EXPECT_EQ(y.matrix().row(m)[2], 0.0f);
    EXPECT_EQ(y.matrix().row(m)[22], 0.0f);
  }
}

TEST_P(LinearTest, ANotANumberStaysInItsRow) {
  OpContext context(GetParam(), 2);
  for (const DType type : testing::WeightTypes()) {
    const int64_t in = testing::InFeatures(type, 64);
    const Tensor w = testing::RandomWeight(type, 18, in, 1);
    const auto weight = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kServing);
    Rows x = testing::RandomRows(9, in, 3);
    const Rows clean = testing::Multiply(context, x, weight);
    x.matrix().row(2)[5] = std::numeric_limits<float>::quiet_NaN();
    x.matrix().row(4)[6] = -std::numeric_limits<float>::infinity();
    const Rows y = testing::Multiply(context, x, weight);
    for (int64_t m = 0; m < 9; ++m) {
      for (int64_t i = 0; i < 18; ++i) {
        if (m == 2) {
          EXPECT_TRUE(std::isnan(y.matrix().row(m)[i])) << Name(type);
        } else if (m == 4) {
          EXPECT_FALSE(std::isfinite(y.matrix().row(m)[i])) << Name(type);
        } else {
          EXPECT_EQ(y.matrix().row(m)[i], clean.matrix().row(m)[i]) << Name(type);
        }
      }
    }
  }
}

TEST_P(LinearTest, ZeroActivationsGiveZero) {
  OpContext context(GetParam());
  for (const DType type : testing::WeightTypes()) {
    const int64_t in = testing::InFeatures(type, 64);
    const Tensor w = testing::RandomWeight(type, 18, in, 1);
    const auto weight = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kServing);
    for (const float value : testing::Multiply(context, Rows(3, in), weight).data) {
      EXPECT_EQ(value, 0.0f) << Name(type);
    }
  }
}

TEST(LinearWeightTest, KeepsFloatWeightsWhereTheyLieAndQuantisedOnesInTheSameSize) {
  OpContext context(kernels::ChooseIsa());
  for (const DType type : testing::WeightTypes()) {
    const Tensor w = testing::RandomWeight(type, 64, 512, 1);
    const auto weight = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kServing);
    EXPECT_EQ(weight.weight_bytes(), w.view().bytes.size());
    EXPECT_EQ(weight.owned_bytes(), IsFloat(type) ? 0 : w.view().bytes.size()) << Name(type);
    EXPECT_EQ(weight.dtype(), type);
    EXPECT_EQ(weight.out_features(), 64);
    EXPECT_EQ(weight.in_features(), 512);
  }
}

TEST(LinearWeightTest, RefusesWhatCannotBeMultiplied) {
  OpContext context(kernels::ChooseIsa());
  const auto code = [&](const TensorView& weight, std::optional<TensorView> bias) {
    try {
      LinearWeight::Create(context, weight, bias, Arithmetic::kServing);
    } catch (const Error& error) {
      return std::string(ErrorCodeName(error.code()));
    }
    return std::string("accepted");
  };
  const Tensor good(DType::kF32, Shape{4, 8});
  const Tensor integers(DType::kI32, Shape{4, 8});
  const Tensor cube(DType::kF32, Shape{2, 2, 8});
  const Tensor empty(DType::kF32, Shape{0, 8});
  const Tensor exotic(DType::kIQ2_XXS, Shape{2, 256});
  EXPECT_EQ(code(good.view(), std::nullopt), "accepted");
  EXPECT_EQ(code(integers.view(), std::nullopt), "unsupported");
  EXPECT_EQ(code(exotic.view(), std::nullopt), "unsupported");
  EXPECT_EQ(code(cube.view(), std::nullopt), "invalid_argument");
  EXPECT_EQ(code(empty.view(), std::nullopt), "invalid_argument");
  EXPECT_EQ(code(good.view(), Tensor(DType::kF32, Shape{5}).view()), "invalid_argument");
  EXPECT_EQ(code(good.view(), Tensor(DType::kI32, Shape{4}).view()), "invalid_argument");
}

TEST(LinearTest, UsesNoMoreScratchOnceWarm) {
  OpContext context(kernels::ChooseIsa(), 2);
  const Tensor w = testing::RandomWeight(DType::kQ4_K, 64, 512, 1);
  const auto weight = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kServing);
  const Rows x = testing::RandomRows(33, 512, 2);
  testing::Multiply(context, x, weight);
  const size_t held = context.scratch().held();
  for (int i = 0; i < 50; ++i) testing::Multiply(context, x, weight);
  EXPECT_EQ(context.scratch().held(), held);
}

}  // namespace
}  // namespace hyprstream
