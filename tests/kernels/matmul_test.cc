#include "kernels/cpu/matmul.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/cpu/limits.h"
#include "kernels/cpu/pack.h"
#include "tensor/float16.h"

namespace hyprstream::kernels {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

class MatmulKernelsTest : public ::testing::TestWithParam<Isa> {
 protected:
  const MatmulKernels& kernels() const { return MatmulKernelsFor(GetParam()); }
};
INSTANTIATE_TEST_SUITE_P(Isa, MatmulKernelsTest,
                         ::testing::ValuesIn(SupportedIsas().begin(), SupportedIsas().end()),
                         [](const auto& tested) { return std::string(IsaName(tested.param)); });

TEST_P(MatmulKernelsTest, Bf16RoundsToNearestEven) {
  std::vector<float> x = {0.0f,    -0.0f,  1.0f, 1.00390625f, 1.01171875f,
                          3.4e38f, 1e-40f, kNaN, kInfinity,   -kInfinity};
  std::mt19937 random(1);
  for (int i = 0; i < 1001; ++i) x.push_back(std::bit_cast<float>(static_cast<uint32_t>(random())));
  std::vector<uint16_t> rounded(x.size());
  kernels().round_bf16(x.data(), static_cast<int64_t>(x.size()), rounded.data());
  for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(rounded[i], F32ToBF16(x[i])) << x[i];
}

TEST_P(MatmulKernelsTest, ActivationsKeepTheirLargestAndTheirSums) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  for (const int64_t count : {1, 20, 32, 100, 256}) {
    std::vector<float> x(static_cast<size_t>(count));
    for (float& value : x) value = normal(random);
    ActivationBlock block;
    std::memset(static_cast<void*>(&block), 0x5a, sizeof(block));
    kernels().quantize(x.data(), count, &block);
    for (int64_t b = 0; b < 8; ++b) {
      float largest = 0;
      for (int64_t k = 32 * b; k < std::min(count, 32 * (b + 1)); ++k) {
        largest = std::max(largest, std::abs(x[static_cast<size_t>(k)]));
      }
      EXPECT_EQ(block.scale[b], largest / 127.0f);
      for (int64_t k = 32 * b; k < 32 * (b + 1); ++k) {
        const float value = k < count ? x[static_cast<size_t>(k)] : 0.0f;
        EXPECT_NEAR(block.q[k] * block.scale[b], value, 0.5001f * block.scale[b]);
      }
    }
    for (int s = 0; s < 16; ++s) {
      int sum = 0;
      for (int i = 0; i < 16; ++i) sum += block.q[16 * s + i];
      EXPECT_EQ(block.sum[s], sum);
    }
  }
}

TEST_P(MatmulKernelsTest, TinyActivationsCountAsZeroAndNotANumberReachesTheScale) {
  std::vector<float> x(256, 1e-38f);
  x[40] = kNaN;
  x[70] = kInfinity;
  ActivationBlock block;
  kernels().quantize(x.data(), 256, &block);
  EXPECT_EQ(block.scale[0], 0.0f);
  EXPECT_EQ(block.q[0], 0);
  EXPECT_TRUE(std::isnan(block.scale[1]));
  EXPECT_TRUE(std::isinf(block.scale[2]));
}

TEST_P(MatmulKernelsTest, AZeroUpdateKeepsTheSignOfZero) {
  std::vector<float> y = {-0.0f, 0.0f, 1.0f};
  const std::vector<float> z = {-2.0f};
  const std::vector<float> b = {0.0f, -0.0f, 0.5f};
  kernels().low_rank({.z = z.data(),
                      .b = b.data(),
                      .b_stride = 3,
                      .rank = 1,
                      .rows = 1,
                      .outputs = 3,
                      .y = y.data(),
                      .y_stride = 3});
  EXPECT_TRUE(std::signbit(y[0]));
  EXPECT_FALSE(std::signbit(y[1]));
  EXPECT_EQ(y[2], 0.0f);
}

// All codes and activations at their extremes: nothing may saturate on the way.
TEST_P(MatmulKernelsTest, ExtremeCodesDoNotSaturate) {
  for (const int8_t code : {int8_t{-128}, int8_t{127}, int8_t{-1}}) {
    std::vector<std::byte> row(34, static_cast<std::byte>(code));
    const uint16_t one = F32ToF16(1.0f);
    std::memcpy(row.data(), &one, sizeof(one));
    std::vector<std::byte> strip(static_cast<size_t>(PackedStripBytes(34)));
    PackStrips({DType::kQ8_0, Shape{1, 32}, row}, 0, 1, strip.data());
    for (const float sign : {1.0f, -1.0f}) {
      const std::vector<float> x(32, 127.0f * sign);
      ActivationBlock block;
      kernels().quantize(x.data(), 32, &block);
      struct alignas(64) Scratch {
        std::byte bytes[kPackedScratchBytes];
      };
      const auto scratch = std::make_unique<Scratch>();
      float y = 0;
      kernels().packed_for(DType::kQ8_0)({.strips = strip.data(),
                                          .strip_stride = 0,
                                          .x = &block,
                                          .rows = 1,
                                          .outputs = 1,
                                          .k = 32,
                                          .bias = nullptr,
                                          .y = &y,
                                          .y_stride = 1,
                                          .scratch = scratch->bytes});
      EXPECT_EQ(y, 32.0f * 127.0f * sign * static_cast<float>(code));
    }
  }
}

TEST_P(MatmulKernelsTest, LimitsAreMeasured) {
  ThreadPool pool(1);
  const MachineLimits limits = MeasureLimits(pool, GetParam());
  EXPECT_GT(limits.read_bytes_per_second, 1e8);
  EXPECT_GT(limits.f32_flops_per_second, 1e8);
}

}  // namespace
}  // namespace hyprstream::kernels
