#include "ops/pointwise.h"

#include <gtest/gtest.h>
// clang-format off: rapidcheck needs GoogleTest before it
#include <rapidcheck/gtest.h>
// clang-format on

#include <algorithm>
#include <limits>

#include "op_context.h"
#include "tensor/dequantize.h"

namespace hyprstream {
namespace {

using testing::OpContext;
using testing::OpFixture;
using testing::Rows;

class PointwiseTest : public testing::EveryIsa {};
HYPR_EVERY_ISA(PointwiseTest);

TEST_P(PointwiseTest, SwiGluEqualsTheReference) {
  OpContext context(GetParam());
  const OpFixture fixture("swiglu");
  for (const std::string name : {"1x112", "5x33", "extreme"}) {
    SCOPED_TRACE(name);
    const Rows gate = fixture.Get(name + ".gate");
    Rows up = fixture.Get(name + ".up");
    ops::SwiGlu(context, gate.matrix(), up.matrix(), up.matrix());
    testing::ExpectNear(up.data, fixture.Get(name + ".y").data);
  }
}

TEST_P(PointwiseTest, SoftmaxEqualsTheReference) {
  OpContext context(GetParam());
  const OpFixture fixture("softmax");
  for (const std::string name : {"1x1", "3x7", "large", "masked", "offset"}) {
    SCOPED_TRACE(name);
    Rows x = fixture.Get(name + ".x");
    ops::SoftmaxRows(context, x.matrix());
    testing::ExpectNear(x.data, fixture.Get(name + ".y").data);
  }
}

TEST_P(PointwiseTest, RowsDoNotDependOnOtherRowsOrThreads) {
  OpContext one(GetParam(), 1);
  OpContext two(GetParam(), 2);
  const Rows gate = testing::RandomRows(203, 301, 1, 4.0f);
  const Rows up = testing::RandomRows(203, 301, 2);
  Rows together(203, 301);
  ops::SwiGlu(two, gate.matrix(), up.matrix(), together.matrix());
  ops::AddInPlace(two, together.matrix(), up.matrix());
  ops::SoftmaxRows(two, together.matrix());
  Rows alone(203, 301);
  for (int64_t i = 0; i < gate.rows; ++i) {
    const ConstMatrix gate_row{gate.matrix().row(i), 1, 301, 301};
    const ConstMatrix up_row{up.matrix().row(i), 1, 301, 301};
    const Matrix out = alone.matrix().Rows(i, 1);
    ops::SwiGlu(one, gate_row, up_row, out);
    ops::AddInPlace(one, out, up_row);
    ops::SoftmaxRows(one, out);
  }
  EXPECT_EQ(together.data, alone.data);
}

TEST_P(PointwiseTest, OnlyTheColumnsOfAMatrixAreWritten) {
  OpContext context(GetParam());
  for (int64_t cols = 1; cols <= 40; ++cols) {
    Rows wide(3, 64, std::vector<float>(3 * 64, 7.0f));
    const Rows delta = testing::RandomRows(3, cols, 3);
    const Matrix part = wide.matrix().Cols(0, cols);
    ops::AddInPlace(context, part, delta.matrix());
    ops::SwiGlu(context, part, delta.matrix(), part);
    ops::SoftmaxRows(context, part);
    for (int64_t row = 0; row < 3; ++row) {
      for (int64_t i = cols; i < 64; ++i) ASSERT_EQ(wide.matrix().row(row)[i], 7.0f);
    }
  }
}

TEST_P(PointwiseTest, ScatterAddSumsRepeatedRowsInTheOrderGiven) {
  OpContext one(GetParam(), 1);
  OpContext two(GetParam(), 2);
  const int64_t cols = 515;
  const Rows delta = testing::RandomRows(90, cols, 4);
  std::vector<int32_t> rows(90);
  std::vector<float> scale(90);
  for (size_t i = 0; i < rows.size(); ++i) {
    rows[i] = static_cast<int32_t>(i * 7 % 11);
    scale[i] = 0.1f * static_cast<float>(i % 5);
  }
  Rows together = testing::RandomRows(11, cols, 5);
  Rows alone = together;
  std::vector<double> expected(together.data.begin(), together.data.end());
  ops::ScatterAdd(two, together.matrix(), delta.matrix(), rows, scale);
  for (size_t i = 0; i < rows.size(); ++i) {
    const ConstMatrix one_row{delta.matrix().row(static_cast<int64_t>(i)), 1, cols, cols};
    ops::ScatterAdd(one, alone.matrix(), one_row, {&rows[i], 1}, {&scale[i], 1});
    for (int64_t c = 0; c < cols; ++c) {
      expected[static_cast<size_t>(rows[i] * cols + c)] += double{scale[i]} * one_row.data[c];
    }
  }
  EXPECT_EQ(together.data, alone.data);
  testing::ExpectNear(together.data, std::vector<float>(expected.begin(), expected.end()));
}

TEST_P(PointwiseTest, EmbeddingRowsAreTheTableWidened) {
  OpContext context(GetParam(), 2);
  for (const DType type : {DType::kF32, DType::kBF16, DType::kF16, DType::kQ8_0, DType::kQ4_0}) {
    SCOPED_TRACE(Name(type));
    Tensor table(type, {50, 256});
    const std::span<std::byte> bytes{const_cast<std::byte*>(table.view().bytes.data()),
                                     table.view().bytes.size()};
    // Small exponents in every format: no NaN, which would not compare equal.
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 37 % 61);
    const std::vector<int32_t> ids = {0, 49, 7, 7, 31};
    Rows out(5, 256);
    ops::EmbeddingLookup(context, table.view(), ids, out.matrix());
    const Tensor all = DequantizeToF32(table.view());
    for (size_t i = 0; i < ids.size(); ++i) {
      const std::span<const float> row = all.As<float>().subspan(static_cast<size_t>(ids[i]) * 256);
      EXPECT_TRUE(std::equal(row.begin(), row.begin() + 256, out.data.begin() + i * 256));
    }
  }
}

RC_GTEST_PROP(SelectTopK, EqualsAStableSort, ()) {
  const auto values = *rc::gen::nonEmpty(rc::gen::container<std::vector<float>>(
      rc::gen::map(rc::gen::inRange(-9, 9), [](int v) { return static_cast<float>(v) / 4.0f; })));
  const auto k = *rc::gen::inRange<size_t>(0, values.size() + 1);
  std::vector<ops::TopK> sorted;
  for (size_t i = 0; i < values.size(); ++i) sorted.push_back({static_cast<int32_t>(i), values[i]});
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.value > b.value; });
  std::vector<ops::TopK> out(k);
  ops::SelectTopK(values, out);
  for (size_t i = 0; i < k; ++i) {
    RC_ASSERT(out[i].index == sorted[i].index);
    RC_ASSERT(out[i].value == sorted[i].value);
  }
}

}  // namespace
}  // namespace hyprstream
