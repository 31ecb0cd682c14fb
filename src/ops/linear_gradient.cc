#include "ops/linear_gradient.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/error.h"
#include "kernels/cpu/gemm.h"
#include "ops/row_parallel.h"
#include "ops/weight_panels.h"

namespace hyprstream::ops {
namespace {

using kernels::Accumulate;
using kernels::kPanelColumns;

// Rows that share a packed piece of the weight: their piece of dy stays in the L2 cache beside it.
constexpr int64_t kMostRows = 512;
// Outputs of one term that share a packed piece.
constexpr int64_t kPieceOutputs = 2 * kPanelSteps;
// Of dy in bf16, made before the products that read it.
constexpr int64_t kRoundedBytes = int64_t{8} << 20;

/// Outputs [begin, end) of a term. Its dy in pairs of bf16, where the products are of bf16, is
/// [piece of kPieceOutputs][row][kPanelSteps].
struct Span {
  const LinearGradientTerm* term;
  int64_t begin;
  int64_t end;
  uint32_t* pairs;

  int64_t pieces() const { return (end - begin + kPieceOutputs - 1) / kPieceOutputs; }
};

/// A task of one thread: a block of rows of dx by a block of columns.
struct Block {
  int64_t row;
  int64_t rows;
  int64_t column;
  Accumulate accumulate;
};

class InputGradientRun {
 public:
  InputGradientRun(Context& context, std::span<const LinearGradientTerm> terms, Matrix dx);
  void Run();

 private:
  static constexpr int64_t kLeastRows = 48;

  struct ThreadScratch {
    uint32_t* panels;
    float* rows;  // two widened rows
  };

  void RunSpans(std::span<const Span> spans, Accumulate accumulate);
  /// Pieces [begin, end) of a span's rows, a row's pieces being neighbours.
  void RoundPieces(const Span& span, int64_t begin, int64_t end) const;
  void RunBlock(std::span<const Span> spans, const Block& block,
                const ThreadScratch& scratch) const;
  Accumulate MultiplyBf16(const Span& span, const Block& block, const WeightPanels& weight,
                          uint32_t* panels) const;
  Accumulate MultiplyF32(const Span& span, const Block& block, const WeightPanels& weight,
                         float* panels) const;
  Matrix Target(const Block& block) const {
    return dx_.Rows(block.row, block.rows)
        .Cols(block.column, std::min(kBlockColumns, dx_.cols - block.column));
  }

  Context& context_;
  const kernels::GemmKernels& kernels_;
  std::span<const LinearGradientTerm> terms_;
  Matrix dx_;
  int64_t column_blocks_;
  int64_t block_rows_ = 0;
  int64_t row_blocks_ = 0;
  std::span<ThreadScratch> scratch_;
};

InputGradientRun::InputGradientRun(Context& context, std::span<const LinearGradientTerm> terms,
                                   Matrix dx)
    : context_(context),
      kernels_(kernels::GemmKernelsFor(context.isa)),
      terms_(terms),
      dx_(dx),
      column_blocks_((dx.cols + kBlockColumns - 1) / kBlockColumns) {
  // Few columns and many threads: rows are split, though each block widens the weight again.
  const int64_t wanted = (2 * context.pool.threads() + column_blocks_ - 1) / column_blocks_;
  const int64_t fewest = (dx.rows + kMostRows - 1) / kMostRows;
  const int64_t most = (dx.rows + kLeastRows - 1) / kLeastRows;
  const int64_t blocks = std::max(fewest, std::min(wanted, most));
  block_rows_ = (dx.rows + blocks - 1) / blocks;
  row_blocks_ = (dx.rows + block_rows_ - 1) / block_rows_;
  scratch_ = context.scratch.Allocate<ThreadScratch>(context.pool.threads());
  for (ThreadScratch& scratch : scratch_) {
    scratch.panels = context.scratch.Allocate<uint32_t>(kPanelBlockWords).data();
    scratch.rows = context.scratch.Allocate<float>(2 * kBlockColumns).data();
  }
}

// As many terms at once as their rounded dy has room for; a term with many outputs in parts.
void InputGradientRun::Run() {
  const int64_t piece_bytes = dx_.rows * kPanelSteps * static_cast<int64_t>(sizeof(uint32_t));
  const int64_t room = std::max<int64_t>(kRoundedBytes / piece_bytes, 1);
  auto accumulate = Accumulate::kStore;
  size_t term = 0;
  int64_t begin = 0;
  while (term < terms_.size()) {
    const Scratch::Frame frame(context_.scratch);
    const auto spans = context_.scratch.Allocate<Span>(static_cast<int64_t>(terms_.size()));
    size_t count = 0;
    for (int64_t left = room; left > 0 && term < terms_.size();) {
      const int64_t outputs = terms_[term].weight->out_features();
      Span& span = spans[count++];
      span = {&terms_[term], begin, std::min(begin + left * kPieceOutputs, outputs), nullptr};
      left -= span.pieces();
      if (WeightPanels::MultipliesBf16(kernels_, *span.term->weight)) {
        span.pairs =
            context_.scratch.Allocate<uint32_t>(span.pieces() * dx_.rows * kPanelSteps).data();
      }
      begin = span.end == outputs ? 0 : span.end;
      if (begin == 0) ++term;
    }
    RunSpans(spans.first(count), accumulate);
    accumulate = Accumulate::kAdd;
  }
}

void InputGradientRun::RunSpans(std::span<const Span> spans, Accumulate accumulate) {
  for (const Span& span : spans) {
    if (span.pairs == nullptr) continue;
    ForRows(context_, span.pieces() * dx_.rows, kPieceOutputs,
            [&](int64_t begin, int64_t end) { RoundPieces(span, begin, end); });
  }
  std::atomic<int64_t> next{0};
  context_.pool.Run([&](int thread) {
    while (true) {
      const int64_t task = next.fetch_add(1, std::memory_order_relaxed);
      if (task >= row_blocks_ * column_blocks_) return;
      const int64_t row = task % row_blocks_ * block_rows_;
      RunBlock(spans,
               {.row = row,
                .rows = std::min(block_rows_, dx_.rows - row),
                .column = task / row_blocks_ * kBlockColumns,
                .accumulate = accumulate},
               scratch_[static_cast<size_t>(thread)]);
    }
  });
}

void InputGradientRun::RoundPieces(const Span& span, int64_t begin, int64_t end) const {
  const int64_t pieces = span.pieces();
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = i / pieces;
    const int64_t piece = i % pieces;
    const int64_t output = span.begin + piece * kPieceOutputs;
    const int64_t count = std::min(kPieceOutputs, span.end - output);
    auto* pairs = reinterpret_cast<uint16_t*>(span.pairs + (piece * dx_.rows + row) * kPanelSteps);
    kernels_.round_bf16(span.term->dy.row(row) + output, count, pairs);
    if (count % 2 != 0) pairs[count] = 0;
  }
}

/// c (+)= a · panels, panel by panel: one stays in the L1 cache while the rows pass by.
template <class Word, class Gemm>
void MultiplyPanels(Gemm gemm, const Word* a, int64_t a_row, const Word* panels, int64_t steps,
                    Matrix c, Accumulate accumulate) {
  for (int64_t column = 0; column < c.cols; column += kPanelColumns) {
    gemm({.a = a,
          .a_row = a_row,
          .a_step = 1,
          .b = panels + column / kPanelColumns * kPanelWords,
          .b_step = kPanelColumns,
          .steps = steps,
          .rows = c.rows,
          .columns = std::min(kPanelColumns, c.cols - column),
          .c = c.data + column,
          .c_row = c.stride,
          .accumulate = accumulate});
  }
}

void InputGradientRun::RunBlock(std::span<const Span> spans, const Block& block,
                                const ThreadScratch& scratch) const {
  Block next = block;
  for (const Span& span : spans) {
    const WeightPanels weight(kernels_, *span.term->weight, block.column, Target(block).cols,
                              scratch.rows);
    next.accumulate = span.pairs != nullptr ? MultiplyBf16(span, next, weight, scratch.panels)
                                            : MultiplyF32(span, next, weight,
                                                          reinterpret_cast<float*>(scratch.panels));
  }
}

Accumulate InputGradientRun::MultiplyBf16(const Span& span, const Block& block,
                                          const WeightPanels& weight, uint32_t* panels) const {
  auto accumulate = block.accumulate;
  for (int64_t piece = 0; piece < span.pieces(); ++piece) {
    const int64_t output = span.begin + piece * kPieceOutputs;
    const int64_t count = std::min(kPieceOutputs, span.end - output);
    weight.PackBf16(output, count, panels);
    MultiplyPanels<uint32_t>(kernels_.bf16,
                             span.pairs + (piece * dx_.rows + block.row) * kPanelSteps, kPanelSteps,
                             panels, (count + 1) / 2, Target(block), accumulate);
    accumulate = Accumulate::kAdd;
  }
  return accumulate;
}

Accumulate InputGradientRun::MultiplyF32(const Span& span, const Block& block,
                                         const WeightPanels& weight, float* panels) const {
  auto accumulate = block.accumulate;
  const ConstMatrix& dy = span.term->dy;
  for (int64_t output = span.begin; output < span.end; output += kPanelSteps) {
    const int64_t count = std::min(kPanelSteps, span.end - output);
    weight.PackF32(output, count, panels);
    MultiplyPanels<float>(kernels_.f32, dy.row(block.row) + output, dy.stride, panels, count,
                          Target(block), accumulate);
    accumulate = Accumulate::kAdd;
  }
  return accumulate;
}

}  // namespace

void LinearInputGradient(Context& context, std::span<const LinearGradientTerm> terms, Matrix dx) {
  if (dx.rows == 0) return;
  for (const LinearGradientTerm& term : terms) {
    HYPR_CHECK(term.weight->in_features() == dx.cols);
    HYPR_CHECK(term.dy.rows == dx.rows && term.dy.cols == term.weight->out_features());
  }
  if (terms.empty()) {
    for (int64_t m = 0; m < dx.rows; ++m) std::fill_n(dx.row(m), dx.cols, 0.0f);
    return;
  }
  const Scratch::Frame frame(context.scratch);
  InputGradientRun(context, terms, dx).Run();
}

}  // namespace hyprstream::ops
