// The low-rank updates of a linear operation.
#include "linear_case.h"

namespace hyprstream {
namespace {

using ops::AdapterSegment;
using ops::Arithmetic;
using ops::LinearWeight;
using testing::OpContext;
using testing::Rows;

struct Adapter {
  Adapter(int64_t rank, int64_t in, int64_t out, uint32_t seed)
      : a(testing::RandomRows(rank, in, seed, 0.2f)),
        b(testing::RandomRows(rank, out, seed + 1, 0.2f)) {}
  ops::LowRankView view() const { return {a.data.data(), b.data.data(), a.rows}; }

  Rows a;
  Rows b;
};

class LinearAdapterTest : public testing::EveryIsa {};
HYPR_EVERY_ISA(LinearAdapterTest);

TEST_P(LinearAdapterTest, EqualsTheMergedWeight) {
  constexpr int64_t kIn = 100;
  constexpr int64_t kOut = 77;
  for (const int threads : {1, 2}) {
    OpContext context(GetParam(), threads);
    for (const int64_t rank : {1, 3, 16, 65}) {
      const Tensor w = testing::RandomWeight(DType::kF32, kOut, kIn, 1);
      const Adapter adapter(rank, kIn, kOut, 9);
      constexpr float kScale = 0.7f;
      Tensor merged(DType::kF32, Shape{kOut, kIn});
      for (int64_t i = 0; i < kOut; ++i) {
        for (int64_t k = 0; k < kIn; ++k) {
          double sum = w.As<float>()[static_cast<size_t>(i * kIn + k)];
          for (int64_t c = 0; c < rank; ++c) {
            sum += double{kScale} * adapter.b.matrix().row(c)[i] * adapter.a.matrix().row(c)[k];
          }
          merged.As<float>()[static_cast<size_t>(i * kIn + k)] = static_cast<float>(sum);
        }
      }
      const auto base = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kExact);
      const auto dense =
          LinearWeight::Create(context, merged.view(), std::nullopt, Arithmetic::kExact);
      const Rows x = testing::RandomRows(6, kIn, 3);
      const AdapterSegment segment{
          .row_begin = 0, .row_end = 6, .view = adapter.view(), .scale = kScale};
      // Both sum about rank + in products of size 1 in f32.
      testing::ExpectNear(testing::Multiply(context, x, base, {&segment, 1}).data,
                          testing::Multiply(context, x, dense).data, 5e-5, 1e-5);
    }
  }
}

TEST_P(LinearAdapterTest, LeavesOtherRowsAndZeroUpdatesAlone) {
  OpContext context(GetParam(), 2);
  for (const DType type : {DType::kBF16, DType::kQ4_K, DType::kF32, DType::kF8E4M3}) {
    const Tensor w = testing::RandomWeight(type, 83, 256, 1);
    const auto weight = LinearWeight::Create(context, w.view(), std::nullopt, Arithmetic::kServing);
    const Rows x = testing::RandomRows(9, 256, 2);
    const Rows plain = testing::Multiply(context, x, weight);
    const Adapter adapter(5, 256, 83, 4);
    Adapter zero(5, 256, 83, 4);
    for (float& value : zero.b.data) value = 0;
    const AdapterSegment segments[] = {
        {.row_begin = 2, .row_end = 4, .view = adapter.view(), .scale = 1.0f},
        {.row_begin = 0, .row_end = 9, .view = zero.view(), .scale = 3.0f},
        {.row_begin = 5, .row_end = 5, .view = adapter.view(), .scale = 1.0f}};
    const Rows y = testing::Multiply(context, x, weight, segments);
    for (int64_t m = 0; m < 9; ++m) {
      const bool same = testing::SameBits({y.matrix().row(m), 83}, {plain.matrix().row(m), 83});
      EXPECT_EQ(same, m != 2 && m != 3) << Name(type) << " row " << m;
    }
  }
}

TEST_P(LinearAdapterTest, GivesARowTheSameBitsAloneAndInABatch) {
  const Tensor w = testing::RandomWeight(DType::kQ8_0, 130, 96, 1);
  const Adapter first(7, 96, 130, 3);
  const Adapter second(33, 96, 130, 5);
  OpContext alone(GetParam(), 1);
  OpContext team(GetParam(), 2);
  const auto weight = LinearWeight::Create(alone, w.view(), std::nullopt, Arithmetic::kServing);
  const Rows x = testing::RandomRows(70, 96, 2);
  const auto segments = [&](int64_t rows) {
    return std::vector<AdapterSegment>{
        {.row_begin = 0, .row_end = rows, .view = first.view(), .scale = 0.5f},
        {.row_begin = 0, .row_end = rows, .view = second.view(), .scale = 2.0f}};
  };
  const Rows batch = testing::Multiply(team, x, weight, segments(70));
  for (int64_t m = 0; m < 70; ++m) {
    const Rows one = testing::Multiply(alone, testing::SomeRows(x, m, 1), weight, segments(1));
    ASSERT_TRUE(testing::SameBits(testing::SomeRows(batch, m, 1).data, one.data)) << m;
  }
}

}  // namespace
}  // namespace hyprstream
