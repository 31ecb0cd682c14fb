#include "ops/token_loss.h"

#include <algorithm>

#include "ops/linear_gradient.h"
#include "ops/loss_rows.h"
#include "ops/row_parallel.h"
#include "ops/slices.h"

namespace hyprstream::ops {
namespace {

/// What a logit's exponentials cost, in simple element operations.
constexpr int64_t kLossElements = 12;
/// The same in multiply-adds of int8.
constexpr int64_t kLossProducts = 200;

ConstMatrix RowsOf(ConstMatrix m, int64_t begin, int64_t count) {
  return {m.row(begin), count, m.cols, m.stride};
}

void CheckInput(const TokenLossInput& input, const TokenLossOptions& options) {
  const auto targets = static_cast<size_t>(input.hidden.rows);
  const int64_t vocab = input.head.out_features();
  HYPR_CHECK(input.hidden.cols == input.head.in_features());
  HYPR_CHECK(input.weights.empty() || input.weights.size() == targets);
  HYPR_CHECK(options.temperature > 0 && options.logits_bytes > 0);
  HYPR_CHECK(options.label_smoothing >= 0 && options.label_smoothing < 1);
  if (options.kind == LossKind::kCrossEntropy) {
    HYPR_CHECK(input.labels.size() == targets);
    for (const int32_t label : input.labels) {
      HYPR_CHECK(label == kIgnoredLabel || (label >= 0 && label < vocab));
    }
  } else {
    HYPR_CHECK(input.teacher.rows == input.hidden.rows);
    HYPR_CHECK(input.teacher.cols == input.hidden.cols);
  }
}

class TokenLossRun {
 public:
  TokenLossRun(Context& context, const TokenLossInput& input, const TokenLossOptions& options)
      : context_(context),
        kernel_(kernels::RowKernelsFor(context.isa)),
        input_(input),
        options_(options),
        vocab_(input.head.out_features()) {}

  TokenLossSum Run(Matrix dhidden) {
    const bool teacher = options_.kind != LossKind::kCrossEntropy;
    const int64_t row_bytes = vocab_ * static_cast<int64_t>(sizeof(float)) * (teacher ? 2 : 1);
    const int64_t targets = input_.hidden.rows;
    const int64_t most = std::clamp<int64_t>(options_.logits_bytes / row_bytes, 1, targets);
    const Matrix logits = context_.scratch.AllocateMatrix(most, vocab_);
    const Matrix taught = context_.scratch.AllocateMatrix(teacher ? most : 0, vocab_);
    const std::span<double> losses = context_.scratch.Allocate<double>(most);
    TokenLossSum sum;
    for (int64_t begin = 0; begin < targets; begin += most) {
      const int64_t count = std::min(most, targets - begin);
      RunTile(begin, logits.Rows(0, count), teacher ? taught.Rows(0, count) : Matrix{}, losses);
      for (int64_t i = 0; i < count; ++i) {
        if (!TakesPart(begin + i)) continue;
        sum.loss += double{Weight(begin + i)} * losses[static_cast<size_t>(i)];
        sum.weight += Weight(begin + i);
      }
      if (dhidden.data == nullptr) continue;
      const LinearGradientTerm term{&input_.head, logits.Rows(0, count)};
      LinearInputGradient(context_, {&term, 1}, dhidden.Rows(begin, count));
      context_.Pause();
    }
    return sum;
  }

 private:
  bool TakesPart(int64_t target) const {
    return input_.labels.empty() || input_.labels[static_cast<size_t>(target)] != kIgnoredLabel;
  }
  float Weight(int64_t target) const {
    return input_.weights.empty() ? 1.0f : input_.weights[static_cast<size_t>(target)];
  }

  void RunTile(int64_t begin, Matrix logits, Matrix taught, std::span<double> losses) {
    const LinearCall student{&input_.head, logits, {}};
    Linear(context_, RowsOf(input_.hidden, begin, logits.rows), {&student, 1});
    context_.Pause();
    if (taught.rows > 0) {
      const LinearCall teacher{&input_.head, taught, {}};
      Linear(context_, RowsOf(input_.teacher, begin, logits.rows), {&teacher, 1});
      context_.Pause();
    }
    const int64_t slices =
        std::min(SlicesFor(context_, logits.rows * vocab_ * kLossProducts), logits.rows);
    for (int64_t slice = 0; slice < slices; ++slice) {
      const int64_t first = logits.rows * slice / slices;
      const int64_t count = logits.rows * (slice + 1) / slices - first;
      RunRows(begin + first, logits.Rows(first, count),
              taught.rows > 0 ? taught.Rows(first, count) : Matrix{}, losses.subspan(first));
      context_.Pause();
    }
  }

  void RunRows(int64_t begin, Matrix logits, Matrix taught, std::span<double> losses) const {
    ForRows(context_, logits.rows, vocab_ * kLossElements, [&](int64_t first, int64_t end) {
      for (int64_t i = first; i < end; ++i) {
        const LossRow row{logits.row(i), vocab_, Weight(begin + i)};
        if (!TakesPart(begin + i)) {
          std::fill_n(row.logits, vocab_, 0.0f);
          continue;
        }
        losses[static_cast<size_t>(i)] =
            RunRow(row, begin + i, taught.rows > 0 ? taught.row(i) : nullptr);
      }
    });
  }

  double RunRow(const LossRow& row, int64_t target, const float* teacher) const {
    switch (options_.kind) {
      case LossKind::kForwardKl:
        return ForwardKlRow(kernel_, row, teacher, options_.temperature);
      case LossKind::kReverseKl:
        return ReverseKlRow(kernel_, row, teacher, options_.temperature);
      case LossKind::kMeanSquare:
        return MeanSquareRow(row, teacher);
      case LossKind::kCrossEntropy:
        break;
    }
    return CrossEntropyRow(kernel_, row, input_.labels[static_cast<size_t>(target)],
                           options_.label_smoothing);
  }

  Context& context_;
  const kernels::RowKernels& kernel_;
  const TokenLossInput& input_;
  const TokenLossOptions& options_;
  int64_t vocab_;
};

}  // namespace

TokenLossSum TokenLoss(Context& context, const TokenLossInput& input,
                       const TokenLossOptions& options, Matrix dhidden) {
  CheckInput(input, options);
  if (input.hidden.rows == 0) return {};
  if (dhidden.data != nullptr) {
    HYPR_CHECK(dhidden.rows == input.hidden.rows && dhidden.cols == input.hidden.cols);
  }
  const Scratch::Frame frame(context.scratch);
  return TokenLossRun(context, input, options).Run(dhidden);
}

}  // namespace hyprstream::ops
