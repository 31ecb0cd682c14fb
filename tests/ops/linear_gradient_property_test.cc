// The input's gradient on odd shapes, for every type and form of weight and every instruction set.
#include <rapidcheck.h>

#include <array>
#include <optional>
#include <string>

#include "linear_gradient_case.h"

namespace hyprstream {
namespace {

using ops::Arithmetic;
using ops::LinearWeight;
using testing::InputGradient;
using testing::OpContext;
using testing::Rows;

class LinearGradientPropertyTest : public testing::EveryIsa {};
HYPR_EVERY_ISA(LinearGradientPropertyTest);

template <class T>
T OneOf(const std::vector<T>& values) {
  return *rc::gen::elementOf(values);
}

struct Case {
  DType type = DType::kF32;
  Arithmetic arithmetic = Arithmetic::kExact;
  int64_t rows = 0, out = 0, in = 0;
  uint32_t seed = 0;
};

Case AnyCase() {
  Case c;
  c.type = OneOf(testing::WeightTypes());
  c.arithmetic = OneOf(std::vector{Arithmetic::kServing, Arithmetic::kExact});
  c.rows = *rc::gen::inRange<int64_t>(1, 60);
  c.out = *rc::gen::inRange<int64_t>(1, 600);
  c.in = testing::InFeatures(c.type, *rc::gen::inRange<int64_t>(1, 600));
  c.seed = *rc::gen::arbitrary<uint32_t>();
  return c;
}

bool RoundsToBf16(kernels::Isa isa, Arithmetic arithmetic) {
  return isa == kernels::Isa::kAvx512 && arithmetic == Arithmetic::kServing;
}

// The first element that is off by more than its chain of multiply-adds explains, or nothing.
std::optional<std::string> FirstError(OpContext& context, kernels::Isa isa, const Case& c) {
  const Tensor w = testing::RandomWeight(c.type, c.out, c.in, c.seed);
  const Tensor wide = DequantizeToF32(w.view());
  const Rows dy = testing::RandomRows(c.rows, c.out, c.seed + 1);
  const auto weight = LinearWeight::Create(context, w.view(), std::nullopt, c.arithmetic);
  const Rows dx = InputGradient(context, weight, dy);

  std::vector<double> dys(dy.data.begin(), dy.data.end());
  std::vector<double> ws(wide.As<float>().begin(), wide.As<float>().end());
  if (RoundsToBf16(isa, c.arithmetic)) {
    dys = testing::Bf16Rounded(dy.data);
    ws = testing::Bf16Rounded(wide.As<float>());
  }
  const testing::Products expected = testing::InputGradientReference(dys, ws, c.rows, c.out, c.in);
  for (size_t i = 0; i < dx.data.size(); ++i) {
    const testing::Product& product = expected.sums[i];
    const double error = std::abs(dx.data[i] - product.value);
    const double tolerance = testing::ChainTolerance(c.out, product.magnitude);
    if (error <= tolerance) continue;
    return "element " + std::to_string(i) + " is " + std::to_string(dx.data[i]) + ", should be " +
           std::to_string(product.value) + "; tolerance " + std::to_string(tolerance);
  }
  return std::nullopt;
}

TEST_P(LinearGradientPropertyTest, RoundsNothingButItsOperands) {
  OpContext context(GetParam(), 2);
  EXPECT_TRUE(rc::check([&] {
    const Case c = AnyCase();
    RC_TAG(std::string(Name(c.type)));
    const std::optional<std::string> error = FirstError(context, GetParam(), c);
    if (error.has_value()) RC_FAIL(*error);
  }));
}

TEST_P(LinearGradientPropertyTest, EveryTypeInBothArithmetics) {
  OpContext context(GetParam(), 2);
  for (const DType type : testing::WeightTypes()) {
    for (const auto arithmetic : {Arithmetic::kServing, Arithmetic::kExact}) {
      for (const auto& [rows, out, in] :
           {std::array<int64_t, 3>{1, 1, 1}, {7, 17, 290}, {13, 300, 530}}) {
        const Case c{.type = type,
                     .arithmetic = arithmetic,
                     .rows = rows,
                     .out = out,
                     .in = testing::InFeatures(type, in),
                     .seed = 5};
        const std::optional<std::string> error = FirstError(context, GetParam(), c);
        EXPECT_FALSE(error.has_value())
            << Name(type) << " [" << c.out << ", " << c.in << "]: " << *error;
      }
    }
  }
}

TEST_P(LinearGradientPropertyTest, ARowHasTheSameBitsAloneInABatchAndOnAnyThreads) {
  OpContext alone(GetParam(), 1);
  OpContext team(GetParam(), 2);
  OpContext crowd(GetParam(), 5);
  EXPECT_TRUE(rc::check([&] {
    const Case c = AnyCase();
    const Tensor w = testing::RandomWeight(c.type, c.out, c.in, c.seed);
    const Rows dy = testing::RandomRows(c.rows, c.out, c.seed + 1);
    const auto weight = LinearWeight::Create(alone, w.view(), std::nullopt, c.arithmetic);
    const Rows dx = InputGradient(alone, weight, dy);
    RC_ASSERT(testing::SameBits(dx.data, InputGradient(team, weight, dy).data));
    RC_ASSERT(testing::SameBits(dx.data, InputGradient(crowd, weight, dy).data));
    const int64_t row = *rc::gen::inRange<int64_t>(0, c.rows);
    const Rows one = InputGradient(team, weight, testing::SomeRows(dy, row, 1));
    RC_ASSERT(testing::SameBits(one.data, testing::SomeRows(dx, row, 1).data));
  }));
}

TEST_P(LinearGradientPropertyTest, ManyRowsEqualTheirParts) {
  OpContext context(GetParam(), 2);
  for (const DType type : {DType::kBF16, DType::kQ6_K}) {
    const Tensor w = testing::RandomWeight(type, 45, 256, 1);
    const auto weight = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kServing);
    const Rows dy = testing::RandomRows(1100, 45, 2);
    const Rows all = InputGradient(context, weight, dy);
    for (const int64_t row : {0, 511, 512, 513, 900, 1099}) {
      const Rows one = InputGradient(context, weight, testing::SomeRows(dy, row, 1));
      EXPECT_TRUE(testing::SameBits(testing::SomeRows(all, row, 1).data, one.data)) << row;
    }
  }
}

}  // namespace
}  // namespace hyprstream
