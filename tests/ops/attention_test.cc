#include "ops/attention.h"

#include <algorithm>

#include "attention_case.h"

namespace hyprstream {
namespace {

using testing::AttentionCase;
using testing::AttentionShape;
using testing::OpContext;
using testing::OpFixture;
using testing::Rows;

class AttentionTest : public testing::EveryIsa {
 protected:
  /// bf16 queries and weights are rounded where the instruction set has a bf16 dot product.
  bool Rounds(DType dtype) const {
    return dtype == DType::kBF16 && GetParam() == kernels::Isa::kAvx512;
  }
};
HYPR_EVERY_ISA(AttentionTest);

TEST_P(AttentionTest, EqualsTheFixtures) {
  OpContext context(GetParam());
  const OpFixture fixture("attention");
  for (const std::string name : {"t1_d20", "t7_d20", "t33_d20", "t1_d64", "t7_d64", "t33_d64"}) {
    SCOPED_TRACE(name);
    const Shape q = fixture.View(name + ".q").shape;
    const Shape k = fixture.View(name + ".k").shape;
    AttentionCase problem(
        {.tokens = q[0], .kv_heads = k[1], .group = q[1] / k[1], .head_dim = q[2]}, 0);
    problem.q = fixture.Get(name + ".q", 2);
    problem.k = fixture.Get(name + ".k", 2);
    problem.v = fixture.Get(name + ".v", 2);
    testing::ExpectNear(problem.Whole(context).data, fixture.Get(name + ".y", 2).data);
  }
}

/// Errors beside the stored keys' and values' own: f32 sums of n terms err by n·2^-24 of the sum of
/// magnitudes; a rounded weight errs by 2^-9 of itself, and the weights sum to one.
void ExpectReference(const AttentionCase& problem, const Rows& actual, bool rounds) {
  const std::vector<double> expected = testing::ReferenceAttention(
      problem, rounds ? testing::QueryRounding::kBf16 : testing::QueryRounding::kNone);
  const AttentionShape& s = problem.shape;
  const auto largest = [](const Rows& rows) {
    float top = 0;
    for (const float x : rows.data) top = std::max(top, std::abs(x));
    return double{top};
  };
  const double epsilon = 0x1p-24;
  const double magnitude =
      largest(problem.q) * largest(problem.k) * std::sqrt(static_cast<double>(s.head_dim));
  const double score_error = magnitude * epsilon * std::sqrt(static_cast<double>(s.head_dim)) * 4;
  const double weight_error = rounds ? 0x1p-9 : 0.0;
  const double tolerance = largest(problem.v) * (2 * score_error + 2 * weight_error + 64 * epsilon);
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(actual.data[i], expected[i], tolerance) << "element " << i;
  }
}

TEST_P(AttentionTest, EqualsThePlainFormulaForEveryHeadSize) {
  OpContext context(GetParam(), 2);
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    for (const int64_t head_dim : {2, 16, 20, 36, 64, 80, 96, 128, 256}) {
      for (const int64_t window : {0, 16, 33}) {
        const AttentionShape shape{.tokens = 75,
                                   .kv_heads = 2,
                                   .group = 3,
                                   .head_dim = head_dim,
                                   .window = window,
                                   .dtype = dtype};
        SCOPED_TRACE(std::string(Name(dtype)) + " head_dim " + std::to_string(head_dim) +
                     " window " + std::to_string(window));
        const AttentionCase problem(shape, static_cast<uint32_t>(head_dim));
        ExpectReference(problem, problem.Whole(context), Rounds(dtype));
      }
    }
  }
}

TEST_P(AttentionTest, EqualsThePlainFormulaOverSeveralChunksOfKeys) {
  OpContext context(GetParam(), 2);
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    for (const int64_t window : {0, 700}) {
      const AttentionCase problem({.tokens = 1200,
                                   .kv_heads = 1,
                                   .group = 2,
                                   .head_dim = 20,
                                   .window = window,
                                   .dtype = dtype},
                                  3, 3.0f);
      ExpectReference(problem, problem.Whole(context), Rounds(dtype));
    }
  }
}

TEST_P(AttentionTest, MoreQueryHeadsThanATileHolds) {
  OpContext context(GetParam());
  const AttentionCase problem({.tokens = 5, .kv_heads = 1, .group = 71, .head_dim = 16}, 4);
  ExpectReference(problem, problem.Whole(context), false);
}

TEST_P(AttentionTest, ExtremeScoresStayFinite) {
  OpContext context(GetParam());
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    for (const float deviation : {1e4f, 0.0f}) {
      const AttentionCase problem(
          {.tokens = 600, .kv_heads = 1, .group = 2, .head_dim = 16, .dtype = dtype}, 5, deviation);
      const Rows out = problem.Whole(context);
      float largest = 0;
      for (const float v : problem.v.data) largest = std::max(largest, std::abs(v));
      for (const float y : out.data) {
        ASSERT_TRUE(std::isfinite(y));
        ASSERT_LE(std::abs(y), largest * 1.01f);  // a mean of values, rounded
      }
    }
  }
}

TEST_P(AttentionTest, EqualScoresGiveTheMean) {
  OpContext context(GetParam());
  AttentionCase problem({.tokens = 300, .kv_heads = 1, .group = 1, .head_dim = 16}, 6, 0.0f);
  std::fill(problem.v.data.begin(), problem.v.data.end(), 0.75f);
  for (const float y : problem.Whole(context).data) ASSERT_FLOAT_EQ(y, 0.75f);
}

TEST_P(AttentionTest, MaskedKeysContributeNothingEvenWhenTheyAreNotFinite) {
  OpContext context(GetParam());
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    for (const int64_t bad : {37, 38, 64}) {
      AttentionCase problem(
          {.tokens = 70, .kv_heads = 1, .group = 3, .head_dim = 20, .window = 9, .dtype = dtype},
          7);
      const Rows good = problem.Whole(context);
      for (Rows* rows : {&problem.k, &problem.v}) {
        for (int64_t i = 0; i < 20; ++i) {
          rows->matrix().row(bad)[i] = i % 2 == 0 ? INFINITY : NAN;
        }
      }
      const Rows out = problem.Whole(context);
      for (int64_t i = 0; i < 70; ++i) {
        if (i >= bad && i < bad + 9) continue;
        for (int64_t c = 0; c < out.cols; ++c) {
          ASSERT_EQ(out.matrix().row(i)[c], good.matrix().row(i)[c]) << i;
        }
      }
    }
  }
}

TEST_P(AttentionTest, StoredKeysAndValuesCanBeLoaded) {
  OpContext context(GetParam(), 2);
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const AttentionCase problem(
        {.tokens = 200, .kv_heads = 3, .group = 1, .head_dim = 20, .dtype = dtype}, 8);
    const testing::Cache cache(problem.shape, 9);
    const std::vector<int32_t> pages = {8, 0, 3, 1, 7, 2, 5};
    const ops::SequenceRows sequence{0, 200, 0, pages};
    ops::StoreKeysValues(context, problem.k.matrix(), problem.v.matrix(), cache.view(),
                         {&sequence, 1});
    Rows k(150, problem.k.cols);
    Rows v(150, problem.v.cols);
    ops::LoadKeysValues(cache.view(), pages, 50, k.matrix(), v.matrix());
    for (size_t i = 0; i < k.data.size(); ++i) {
      const size_t j = i + static_cast<size_t>(50 * k.cols);
      const auto stored = [&](float x) {
        return dtype == DType::kBF16 ? BF16ToF32(F32ToBF16(x)) : x;
      };
      ASSERT_EQ(k.data[i], stored(problem.k.data[j]));
      ASSERT_EQ(v.data[i], stored(problem.v.data[j]));
    }
  }
}

TEST_P(AttentionTest, MemoryDoesNotGrowWithTheContext) {
  OpContext context(GetParam(), 2);
  const AttentionCase problem({.tokens = 6000, .kv_heads = 1, .group = 1, .head_dim = 16}, 9);
  problem.Whole(context);
  EXPECT_LE(context.scratch().held(), size_t{4} << 20);
}

}  // namespace
}  // namespace hyprstream
