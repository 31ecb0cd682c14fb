// What flows back through norms, rotation, SwiGLU and attention, against PyTorch's numbers and the
// reference's formulas.
#include <limits>
#include <numeric>

#include "op_context.h"
#include "ops/causal_attention.h"
#include "ops/norm.h"
#include "ops/norm_gradient.h"
#include "ops/rope_gradient.h"
#include "ops/swiglu_gradient.h"
#include "reference_rows.h"
#include "support/reference/attention.h"

namespace hyprstream {
namespace {

using testing::Narrow;
using testing::OpContext;
using testing::OpFixture;
using testing::Rows;
using testing::Wide;

class GradientTest : public testing::EveryIsa {};
HYPR_EVERY_ISA(GradientTest);

TEST_P(GradientTest, OfTheNormEqualsTheReferenceAndIsAdded) {
  OpContext context(GetParam());
  const OpFixture fixture("rms_norm");
  for (const std::string name : {"1x48_1", "2x48_0.001", "3x65_30", "5x20_1"}) {
    SCOPED_TRACE(name);
    const Rows x = fixture.Get(name + ".x");
    const Rows weight = fixture.Get(name + ".w");
    const float eps = fixture.Get(name + ".eps").data[0];
    const Rows dy = fixture.Get(name + ".gy");
    Rows dx(x.rows, x.cols);
    ops::RmsNormGradient(context, x.matrix(), weight.data, eps, dy.matrix(), dx.matrix());
    testing::ExpectNear(dx.data, fixture.Get(name + ".grad_x").data);
    const std::vector<float> once = dx.data;
    ops::RmsNormGradient(context, x.matrix(), weight.data, eps, dy.matrix(), dx.matrix());
    for (size_t i = 0; i < once.size(); ++i) EXPECT_EQ(dx.data[i], 2 * once[i]);
    Rows heads = dy;
    ops::RmsNormHeadsGradient(context, x.matrix(), weight.data, eps, heads.matrix());
    EXPECT_EQ(heads.data, once);
  }
}

TEST_P(GradientTest, OfHeadNormsTakesEveryHeadAlone) {
  OpContext context(GetParam(), 2);
  const Rows weight = testing::RandomRows(1, 20, 1);
  const Rows x = testing::RandomRows(203, 5 * 20, 2);
  const Rows dy = testing::RandomRows(203, 5 * 20, 3);
  Rows d = dy;
  ops::RmsNormHeadsGradient(context, x.matrix(), weight.data, 1e-6f, d.matrix());
  const reference::Grid<double> want =
      reference::RmsNormGradient(Wide(x), Wide(weight).data, 1e-6, Wide(dy));
  testing::ExpectNear(d.data, Narrow(want), 5e-6);
}

TEST_P(GradientTest, OfSwiGluEqualsTheReferenceInAnyMemory) {
  OpContext context(GetParam());
  const OpFixture fixture("swiglu");
  for (const std::string name : {"1x112", "5x33", "extreme"}) {
    SCOPED_TRACE(name);
    Rows gate = fixture.Get(name + ".gate");
    Rows up = fixture.Get(name + ".up");
    Rows dy = fixture.Get(name + ".gy");
    Rows dgate(gate.rows, gate.cols);
    Rows dup(gate.rows, gate.cols);
    ops::SwiGluGradient(context, gate.matrix(), up.matrix(), dy.matrix(), dgate.matrix(),
                        dup.matrix());
    testing::ExpectNear(dgate.data, fixture.Get(name + ".grad_gate").data);
    testing::ExpectNear(dup.data, fixture.Get(name + ".grad_up").data);
    ops::SwiGluGradient(context, gate.matrix(), up.matrix(), dy.matrix(), gate.matrix(),
                        up.matrix());
    EXPECT_EQ(gate.data, dgate.data);
    EXPECT_EQ(up.data, dup.data);
  }
}

TEST_P(GradientTest, OfTheRotationEqualsTheReference) {
  OpContext context(GetParam());
  const OpFixture fixture("rope");
  for (const std::string name : {"d20", "d64", "d128_far"}) {
    SCOPED_TRACE(name);
    std::vector<int32_t> positions;
    for (const int64_t p : fixture.View(name + ".positions").As<int64_t>()) {
      positions.push_back(static_cast<int32_t>(p));
    }
    const std::vector<float> inv_freq = fixture.Get(name + ".inv_freq").data;
    Rows d = fixture.Get(name + ".gy", 2);
    const ops::RopeTable table = ops::PrepareRope(context, positions, inv_freq, 1.0f);
    ops::RopeGradient(context, d.matrix(), 2 * static_cast<int64_t>(inv_freq.size()), table);
    testing::ExpectNear(d.data, fixture.Get(name + ".grad_x", 2).data);
  }
}

struct AttentionOperands {
  Rows q, k, v, dout;
  int64_t head_dim;
  std::vector<ops::RowRange> sequences;
  ops::AttentionOptions options;

  ops::CausalAttentionInput input() const {
    return {q.matrix(), k.matrix(), v.matrix(), head_dim, sequences, options};
  }
};

struct AttentionOutcome {
  explicit AttentionOutcome(const AttentionOperands& o)
      : out(o.q.rows, o.q.cols),
        log_sum(o.q.rows, o.q.cols / o.head_dim),
        dq(o.q.rows, o.q.cols),
        dk(o.k.rows, o.k.cols),
        dv(o.v.rows, o.v.cols) {}
  Rows out, log_sum, dq, dk, dv;
};

AttentionOutcome RunAttention(ops::Context& context, const AttentionOperands& operands) {
  AttentionOutcome r(operands);
  ops::CausalAttention(context, operands.input(), r.out.matrix(), r.log_sum.matrix());
  ops::CausalAttentionGradient(context, operands.input(),
                               {r.out.matrix(), r.log_sum.matrix(), operands.dout.matrix()},
                               r.dq.matrix(), r.dk.matrix(), r.dv.matrix());
  return r;
}

AttentionOperands RandomOperands(int64_t rows, int64_t heads, int64_t kv_heads, int64_t head_dim) {
  return {testing::RandomRows(rows, heads * head_dim, 1),
          testing::RandomRows(rows, kv_heads * head_dim, 2),
          testing::RandomRows(rows, kv_heads * head_dim, 3),
          testing::RandomRows(rows, heads * head_dim, 4),
          head_dim,
          {{0, rows}},
          {.scale = 1.0f / std::sqrt(static_cast<float>(head_dim))}};
}

/// The longest head of any row.
double LongestHead(const testing::Rows& rows, int64_t head_dim) {
  double longest = 0;
  for (size_t begin = 0; begin < rows.data.size(); begin += static_cast<size_t>(head_dim)) {
    double sum = 0;
    for (size_t i = begin; i < begin + static_cast<size_t>(head_dim); ++i) {
      sum += double{rows.data[i]} * double{rows.data[i]};
    }
    longest = std::max(longest, std::sqrt(sum));
  }
  return longest;
}

/// What cancels in dS = P ∘ (dO Vᵀ − D), times what it is multiplied by: where a row has one key,
/// the gradient is 0 and this is all there is.
double Cancelled(const AttentionOperands& operands, const testing::Rows& factor) {
  double largest = 0;
  for (const float value : factor.data) largest = std::max(largest, std::abs(double{value}));
  return std::numeric_limits<float>::epsilon() * LongestHead(operands.dout, operands.head_dim) *
         LongestHead(operands.v, operands.head_dim) * double{operands.options.scale} * largest;
}

TEST_P(GradientTest, OfAttentionEqualsTheReference) {
  OpContext context(GetParam());
  const OpFixture fixture("attention");
  for (const std::string name : {"t1_d20", "t1_d64", "t7_d20", "t7_d64", "t33_d20", "t33_d64"}) {
    SCOPED_TRACE(name);
    AttentionOperands operands{fixture.Get(name + ".q", 2),
                               fixture.Get(name + ".k", 2),
                               fixture.Get(name + ".v", 2),
                               fixture.Get(name + ".gy", 2),
                               fixture.View(name + ".q").shape[2],
                               {},
                               {}};
    operands.sequences = {{0, operands.q.rows}};
    operands.options.scale = 1.0f / std::sqrt(static_cast<float>(operands.head_dim));
    const AttentionOutcome got = RunAttention(context, operands);
    testing::ExpectNear(got.out.data, fixture.Get(name + ".y", 2).data);
    testing::ExpectNear(got.dq.data, fixture.Get(name + ".grad_q", 2).data,
                        std::max(2e-6, Cancelled(operands, operands.k)));
    testing::ExpectNear(got.dk.data, fixture.Get(name + ".grad_k", 2).data,
                        std::max(2e-6, Cancelled(operands, operands.q)));
    testing::ExpectNear(got.dv.data, fixture.Get(name + ".grad_v", 2).data);
  }
}

TEST_P(GradientTest, OfAttentionEqualsTheFormulaAcrossTilesBlocksAndWindows) {
  OpContext context(GetParam(), 2);
  struct Case {
    int64_t rows, heads, kv_heads, head_dim, window;
  };
  for (const Case c : {Case{150, 6, 2, 20, 0}, Case{150, 6, 2, 20, 16}, Case{131, 2, 2, 32, 70},
                       Case{70, 72, 1, 4, 0}, Case{65, 3, 1, 12, 1}}) {
    SCOPED_TRACE(::testing::Message() << c.rows << " rows, window " << c.window);
    AttentionOperands operands = RandomOperands(c.rows, c.heads, c.kv_heads, c.head_dim);
    operands.options.window = c.window;
    const AttentionOutcome got = RunAttention(context, operands);
    const reference::AttentionShape shape{
        .head_dim = c.head_dim, .scale = operands.options.scale, .window = c.window};
    const auto q = Wide(operands.q);
    const auto k = Wide(operands.k);
    const auto v = Wide(operands.v);
    const auto want = reference::AttentionGradient(q, k, v, shape, Wide(operands.dout));
    testing::ExpectNear(got.out.data, Narrow(reference::Attention(q, k, v, shape)), 5e-6);
    testing::ExpectNear(got.dq.data, Narrow(want.q), 2e-5, 1e-4);
    testing::ExpectNear(got.dk.data, Narrow(want.k), 2e-5, 1e-4);
    testing::ExpectNear(got.dv.data, Narrow(want.v), 2e-5, 1e-4);
  }
}

TEST_P(GradientTest, OfAttentionHasEqualBitsPackedAloneAndWithAnyThreads) {
  OpContext one(GetParam(), 1);
  OpContext two(GetParam(), 2);
  AttentionOperands operands = RandomOperands(200, 4, 2, 20);
  operands.sequences = {{0, 77}, {77, 77}, {77, 78}, {78, 200}};
  const AttentionOutcome together = RunAttention(two, operands);
  AttentionOutcome alone(operands);
  for (const ops::RowRange rows : {ops::RowRange{0, 77}, {77, 78}, {78, 200}}) {
    operands.sequences = {rows};
    const AttentionOutcome part = RunAttention(one, operands);
    const auto copy = [&](Rows& to, const Rows& from) {
      std::copy(from.data.begin() + rows.begin * from.cols,
                from.data.begin() + rows.end * from.cols, to.data.begin() + rows.begin * to.cols);
    };
    copy(alone.out, part.out);
    copy(alone.log_sum, part.log_sum);
    copy(alone.dq, part.dq);
    copy(alone.dk, part.dk);
    copy(alone.dv, part.dv);
  }
  EXPECT_EQ(together.out.data, alone.out.data);
  EXPECT_EQ(together.log_sum.data, alone.log_sum.data);
  EXPECT_EQ(together.dq.data, alone.dq.data);
  EXPECT_EQ(together.dk.data, alone.dk.data);
  EXPECT_EQ(together.dv.data, alone.dv.data);
}

TEST_P(GradientTest, OfQueriesMayTakeTheMemoryOfTheOutputsGradient) {
  OpContext context(GetParam());
  AttentionOperands operands = RandomOperands(90, 4, 2, 20);
  const AttentionOutcome want = RunAttention(context, operands);
  AttentionOutcome got(operands);
  Rows shared = operands.dout;
  ops::CausalAttentionGradient(
      context, operands.input(),
      {want.out.matrix(), want.log_sum.matrix(), ConstMatrix(shared.matrix())}, shared.matrix(),
      got.dk.matrix(), got.dv.matrix());
  EXPECT_EQ(shared.data, want.dq.data);
  EXPECT_EQ(got.dk.data, want.dk.data);
}

// The first query rows only: the others' gradients of the loss must not reach past their future.
TEST_P(GradientTest, OfLaterKeysIsZeroWhenOnlyEarlierRowsCount) {
  OpContext context(GetParam());
  AttentionOperands operands = RandomOperands(100, 2, 1, 16);
  std::fill(operands.dout.data.begin() + 40 * operands.dout.cols, operands.dout.data.end(), 0.0f);
  const AttentionOutcome got = RunAttention(context, operands);
  for (size_t i = static_cast<size_t>(40 * got.dk.cols); i < got.dk.data.size(); ++i) {
    ASSERT_EQ(got.dk.data[i], 0.0f);
    ASSERT_EQ(got.dv.data[i], 0.0f);
  }
}

}  // namespace
}  // namespace hyprstream
