#include "kernels/cpu/row_kernels.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tensor/float16.h"

namespace hyprstream::kernels {
namespace {

class RowKernelsTest : public ::testing::TestWithParam<Isa> {
 protected:
  const RowKernels& kernel_ = RowKernelsFor(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Isa, RowKernelsTest,
                         ::testing::ValuesIn(SupportedIsas().begin(), SupportedIsas().end()),
                         [](const auto& isa) { return std::string(IsaName(isa.param)); });

TEST_P(RowKernelsTest, ExpIsWithinOneUlp) {
  std::vector<float> x;
  for (int i = -87 * 4096; i < 88 * 4096; ++i) x.push_back(static_cast<float>(i) / 4096.0f);
  std::vector<float> y(x.size());
  kernel_.exp(x.data(), static_cast<int64_t>(x.size()), y.data());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double exact = std::exp(double{x[i]});
    const double ulp = std::ldexp(1.0, std::ilogb(exact) - 23);
    worst = std::max(worst, std::abs(y[i] - exact) / ulp);
  }
  RecordProperty("worst_ulp", std::to_string(worst));
  EXPECT_LE(worst, 1.0);
}

TEST_P(RowKernelsTest, ExpHasTheRightLimits) {
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {0.0f,     -0.0f,   -infinity, infinity,      -104.0f, 89.0f,
                                -3.4e38f, 3.4e38f, -100.0f,   std::nanf(""), 1e-30f};
  std::vector<float> y(x.size());
  kernel_.exp(x.data(), static_cast<int64_t>(x.size()), y.data());
  EXPECT_EQ(y[0], 1.0f);
  EXPECT_EQ(y[1], 1.0f);
  EXPECT_EQ(y[2], 0.0f);
  EXPECT_EQ(y[3], infinity);
  EXPECT_EQ(y[4], 0.0f);
  EXPECT_EQ(y[5], infinity);
  EXPECT_EQ(y[6], 0.0f);
  EXPECT_EQ(y[7], infinity);
  EXPECT_NEAR(y[8], 3.7835e-44f, 1.5e-45f);
  EXPECT_TRUE(std::isnan(y[9]));
  EXPECT_EQ(y[10], 1.0f);
}

TEST_P(RowKernelsTest, Bf16RoundsToNearestEven) {
  std::vector<float> x = {
      0.0f, 1.0f, -1.0f, 3.0e38f, 1.00390625f, 1.01171875f, std::numeric_limits<float>::infinity()};
  std::mt19937 random(1);
  while (x.size() < 1003) {
    const float value = std::bit_cast<float>(static_cast<uint32_t>(random()));
    if (std::isnormal(value)) x.push_back(value);
  }
  std::vector<uint16_t> y(x.size() + 1, 0x1234);
  kernel_.to_bf16(x.data(), static_cast<int64_t>(x.size()), y.data());
  for (size_t i = 0; i < x.size(); ++i) ASSERT_EQ(y[i], F32ToBF16(x[i])) << x[i];
  EXPECT_EQ(y.back(), 0x1234);
  const float nan = std::nanf("");
  kernel_.to_bf16(&nan, 1, y.data());
  EXPECT_TRUE(std::isnan(BF16ToF32(y[0])));
}

TEST_P(RowKernelsTest, NothingBehindARowIsWritten) {
  for (int64_t count = 1; count <= 70; ++count) {
    std::vector<float> x(static_cast<size_t>(count) + 1, 0.5f);
    x.back() = 99.0f;
    const std::vector<float> other(static_cast<size_t>(count), 0.25f);
    kernel_.rms_norm(x.data(), other.data(), count, 1e-6f, x.data());
    kernel_.add(x.data(), other.data(), count);
    kernel_.add_scaled(x.data(), other.data(), 2.0f, count);
    kernel_.swiglu(x.data(), other.data(), count, x.data());
    kernel_.softmax(x.data(), count);
    kernel_.exp(x.data(), count, x.data());
    if (count % 2 == 0) kernel_.rotate(x.data(), 1, count, other.data(), other.data());
    ASSERT_EQ(x.back(), 99.0f) << count;
  }
}

}  // namespace
}  // namespace hyprstream::kernels
