// Losses and their gradients by the logits: the head is the identity, so that hidden states are
// logits; then a real head.
#include "ops/token_loss.h"

#include "op_context.h"
#include "reference_rows.h"
#include "support/reference/losses.h"

namespace hyprstream {
namespace {

using testing::Narrow;
using testing::OpContext;
using testing::OpFixture;
using testing::Rows;
using testing::Wide;

ops::LinearWeight Head(ops::Context& context, const Rows& weight) {
  const TensorView view{.dtype = DType::kF32,
                        .shape = {weight.rows, weight.cols},
                        .bytes = std::as_bytes(std::span(weight.data))};
  return ops::LinearWeight::Create(context, view, std::nullopt, ops::Arithmetic::kExact);
}

Rows Identity(int64_t size) {
  Rows rows(size, size);
  for (int64_t i = 0; i < size; ++i) rows.matrix().row(i)[i] = 1.0f;
  return rows;
}

class TokenLossTest : public testing::EveryIsa {};
HYPR_EVERY_ISA(TokenLossTest);

TEST_P(TokenLossTest, CrossEntropyEqualsTheReference) {
  OpContext context(GetParam());
  const OpFixture fixture("cross_entropy");
  for (const std::string name : {"one_row", "plain", "smooth", "large", "large_smooth"}) {
    SCOPED_TRACE(name);
    const Rows logits = fixture.Get(name + ".logits");
    const Rows identity = Identity(logits.cols);
    const ops::LinearWeight head = Head(context, identity);
    std::vector<int32_t> labels;
    int counted = 0;
    for (const int64_t label : fixture.View(name + ".targets").As<int64_t>()) {
      labels.push_back(static_cast<int32_t>(label));
      counted += label == ops::kIgnoredLabel ? 0 : 1;
    }
    const std::vector<float> weights(labels.size(), 1.0f / static_cast<float>(counted));
    const float smoothing = fixture.Get(name + ".label_smoothing").data[0];
    Rows d(logits.rows, logits.cols);
    const ops::TokenLossSum sum = ops::TokenLoss(
        context, {.head = head, .hidden = logits.matrix(), .labels = labels, .weights = weights},
        {.label_smoothing = smoothing}, d.matrix());
    const float want = fixture.Get(name + ".loss").data[0];
    EXPECT_NEAR(sum.loss, want, 1e-5 * std::max(1.0f, want));
    EXPECT_NEAR(sum.weight, 1.0, 1e-5);
    testing::ExpectNear(d.data, fixture.Get(name + ".grad_logits").data);
  }
}

struct Operands {
  Rows head = testing::RandomRows(1031, 24, 1, 0.5f);
  Rows hidden = testing::RandomRows(9, 24, 2);
  Rows teacher = testing::RandomRows(9, 24, 3);
  std::vector<int32_t> labels = {3, 1030, 0, 7, ops::kIgnoredLabel, 511, 512, 513, 9};
  std::vector<float> weights = {1, 1, 0.5f, 1, 7, 1, 0, 1, 2};
};

ops::TokenLossInput Input(const Operands& o, const ops::LinearWeight& head) {
  return {head, o.hidden.matrix(), o.labels, o.teacher.matrix(), o.weights};
}

TEST_P(TokenLossTest, DivergencesAndSquaresEqualTheFormulas) {
  OpContext context(GetParam(), 2);
  const Operands o;
  const ops::LinearWeight head = Head(context, o.head);
  const auto weight = Wide(o.head);
  const auto student = reference::Multiply(Wide(o.hidden), weight);
  const auto teacher = reference::Multiply(Wide(o.teacher), weight);
  struct Case {
    ops::TokenLossOptions options;
    double loss;
    reference::Grid<double> gradient;
  };
  const Case cases[] = {
      {{.kind = ops::LossKind::kForwardKl},
       reference::Divergence(teacher, student, 1.0),
       reference::ForwardKlGradient(student, teacher, 1.0)},
      {{.kind = ops::LossKind::kForwardKl, .temperature = 2.5f},
       reference::Divergence(teacher, student, 2.5),
       reference::ForwardKlGradient(student, teacher, 2.5)},
      {{.kind = ops::LossKind::kReverseKl, .temperature = 2.5f},
       reference::Divergence(student, teacher, 2.5),
       reference::ReverseKlGradient(student, teacher, 2.5)},
      {{.kind = ops::LossKind::kMeanSquare},
       reference::MeanSquare(student, teacher),
       reference::MeanSquareGradient(student, teacher)},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(static_cast<int>(c.options.kind));
    Rows d(o.hidden.rows, o.hidden.cols);
    const ops::TokenLossInput input{
        .head = head, .hidden = o.hidden.matrix(), .teacher = o.teacher.matrix()};
    const ops::TokenLossSum sum = ops::TokenLoss(context, input, c.options, d.matrix());
    EXPECT_NEAR(sum.loss, c.loss, 1e-5 * std::max(1.0, c.loss));
    EXPECT_EQ(sum.weight, 9);
    const auto want = reference::MultiplyInputGradient(c.gradient, weight);
    testing::ExpectNear(d.data, Narrow(want), 2e-5, 2e-5);
  }
}

TEST_P(TokenLossTest, WeighsRowsAndPassesOverIgnoredLabels) {
  OpContext context(GetParam());
  const Operands o;
  const ops::LinearWeight head = Head(context, o.head);
  Rows together(o.hidden.rows, o.hidden.cols);
  const ops::TokenLossOptions options{.label_smoothing = 0.1f};
  const ops::TokenLossSum sum = ops::TokenLoss(context, Input(o, head), options, together.matrix());
  double loss = 0;
  for (int64_t i = 0; i < o.hidden.rows; ++i) {
    const auto at = static_cast<size_t>(i);
    Rows d(1, o.hidden.cols);
    const std::span<const int32_t> label(&o.labels[at], 1);
    const ops::TokenLossSum one =
        ops::TokenLoss(context,
                       {.head = head,
                        .hidden = {o.hidden.matrix().row(i), 1, o.hidden.cols, o.hidden.cols},
                        .labels = label},
                       options, d.matrix());
    const bool counts = o.labels[at] != ops::kIgnoredLabel;
    EXPECT_EQ(one.weight, counts ? 1 : 0);
    loss += one.loss * double{o.weights[at]};
    for (int64_t c = 0; c < d.cols; ++c) {
      const float want = counts ? d.data[static_cast<size_t>(c)] * o.weights[at] : 0.0f;
      EXPECT_NEAR(together.matrix().row(i)[c], want, 1e-5);
    }
  }
  EXPECT_NEAR(sum.loss, loss, 1e-9 * loss);
  EXPECT_EQ(sum.weight, 7.5);
}

TEST_P(TokenLossTest, HasEqualBitsWhateverTheTilesAndThreads) {
  const Operands o;
  for (const ops::LossKind kind : {ops::LossKind::kCrossEntropy, ops::LossKind::kForwardKl,
                                   ops::LossKind::kReverseKl, ops::LossKind::kMeanSquare}) {
    OpContext one(GetParam(), 1);
    OpContext two(GetParam(), 2);
    const ops::LinearWeight head = Head(one, o.head);
    Rows whole(o.hidden.rows, o.hidden.cols);
    Rows tiled(o.hidden.rows, o.hidden.cols);
    const ops::TokenLossSum a = ops::TokenLoss(two, Input(o, head), {.kind = kind}, whole.matrix());
    const ops::TokenLossSum b =
        ops::TokenLoss(one, Input(o, head), {.kind = kind, .logits_bytes = 20'000}, tiled.matrix());
    const ops::TokenLossSum c = ops::TokenLoss(one, Input(o, head), {.kind = kind}, {});
    EXPECT_EQ(whole.data, tiled.data);
    EXPECT_EQ(a.loss, b.loss);
    EXPECT_EQ(a.loss, c.loss);
  }
}

TEST(TokenLossMemory, StaysWithinTheLogitsAllowed) {
  ThreadPool pool(1);
  ops::Scratch scratch;
  ops::Context context{pool, kernels::ChooseIsa(), scratch};
  const Rows weight = testing::RandomRows(40'000, 8, 1);
  const Rows hidden = testing::RandomRows(300, 8, 2);  // 48 MB of logits
  const ops::LinearWeight head = Head(context, weight);
  const std::vector<int32_t> labels(300, 1);
  Rows d(300, 8);
  ops::TokenLoss(context, {.head = head, .hidden = hidden.matrix(), .labels = labels},
                 {.logits_bytes = 3 << 20}, d.matrix());
  EXPECT_LT(scratch.held(), size_t{16} << 20);
}

TEST(TokenLossMemory, NothingIsDoneForNoTargets) {
  ThreadPool pool(1);
  ops::Scratch scratch;
  ops::Context context{pool, kernels::ChooseIsa(), scratch};
  const Rows weight = testing::RandomRows(10, 8, 1);
  const ops::LinearWeight head = Head(context, weight);
  const ops::TokenLossSum sum =
      ops::TokenLoss(context, {.head = head, .hidden = {nullptr, 0, 8, 8}}, {}, {});
  EXPECT_EQ(sum.loss, 0);
  EXPECT_EQ(sum.weight, 0);
}

}  // namespace
}  // namespace hyprstream
