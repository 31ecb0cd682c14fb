#include "ops/linear_gradient.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/error.h"
#include "kernels/cpu/gemm.h"
#include "ops/row_parallel.h"
#include "ops/slices.h"
#include "ops/weight_panels.h"

namespace hyprstream::ops {
namespace {

using kernels::kPanelColumns;
using kernels::kPanelSteps;

// Rows that share a packed piece of the weight: their sums and their piece of dy stay in the L2
// cache beside it.
constexpr int64_t kMostRows = 512;
// Of dy in bf16, made before the products that read it.
constexpr int64_t kRoundedBytes = int64_t{8} << 20;
// A product of bf16, with the widening of its weight, beside one of int8.
constexpr int64_t kProductCost = 2;

/// Outputs [begin, end) of a term, in pieces that are packed at once. Where the products are of
/// bf16, dy is rounded to pairs [piece][row][kPanelSteps].
struct Span {
  const LinearGradientTerm* term;
  int64_t begin;
  int64_t end;
  bool bf16;
  uint32_t* pairs = nullptr;

  int64_t piece_outputs() const { return bf16 ? 2 * kPanelSteps : kPanelSteps; }
  int64_t pieces() const { return (end - begin + piece_outputs() - 1) / piece_outputs(); }
};

/// The sums of a block of dx while the products of its pieces are added one by one. Between the
/// first and the last they lie close together: rows of dx, a power of two apart, compete for the
/// same sets of the caches.
class BlockSums {
 public:
  enum class Start { kZero, kTarget };

  /// memory: as many floats as `target` has rows, times kBlockColumns.
  BlockSums(Matrix target, float* memory, Start start, int64_t pieces)
      : target_(target), memory_(memory), start_(start), pieces_(pieces) {}

  /// Adds a · panels; one panel stays in the L1 cache while the rows pass by.
  template <class Word>
  void Add(void (*gemm)(const kernels::GemmArgs<Word>&), const Word* a, int64_t a_row,
           const Word* panels, int64_t steps) {
    const bool last = piece_ + 1 == pieces_;
    for (int64_t column = 0; column < target_.cols; column += kPanelColumns) {
      float* const sums = memory_ + column * target_.rows;
      float* const target = target_.data + column;
      const float* addend = piece_ > 0 ? sums : start_ == Start::kTarget ? target : nullptr;
      gemm({.a = a,
            .a_row = a_row,
            .a_step = 1,
            .b = panels + column / kPanelColumns * kPanelWords,
            .steps = steps,
            .rows = target_.rows,
            .columns = std::min(kPanelColumns, target_.cols - column),
            .c = last ? target : sums,
            .c_row = last ? target_.stride : kPanelColumns,
            .addend = addend,
            .addend_row = piece_ > 0 ? kPanelColumns : target_.stride});
    }
    ++piece_;
  }

 private:
  Matrix target_;
  float* memory_;  // [panel][row][kPanelColumns]
  Start start_;
  int64_t pieces_;
  int64_t piece_ = 0;
};

using Start = BlockSums::Start;

class InputGradientRun {
 public:
  InputGradientRun(Context& context, std::span<const LinearGradientTerm> terms, Matrix dx);
  void Run();

 private:
  static constexpr int64_t kLeastRows = 48;

  struct ThreadScratch {
    uint32_t* panels;
    float* rows;  // two widened rows
    float* sums;
  };

  /// Pieces of dy that are rounded together and end together: between two of such runs the sums
  /// are in dx and the threads may be given back.
  int64_t PiecesTogether() const;
  void RunSpans(std::span<const Span> spans, Start start);
  /// Pieces [begin, end) of a span's rows, a row's pieces being neighbours.
  void RoundPieces(const Span& span, int64_t begin, int64_t end) const;
  /// A task of one thread: rows from `row` on, columns from `column` on.
  void RunBlock(std::span<const Span> spans, Start start, int64_t row, int64_t column,
                const ThreadScratch& scratch) const;
  void AddSpan(const Span& span, int64_t row, const WeightPanels& weight, uint32_t* panels,
               BlockSums& sums) const;

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
    scratch.sums = context.scratch.Allocate<float>(block_rows_ * kBlockColumns).data();
  }
}

int64_t InputGradientRun::PiecesTogether() const {
  const int64_t piece_bytes = dx_.rows * kPanelSteps * static_cast<int64_t>(sizeof(uint32_t));
  const int64_t room = std::max<int64_t>(kRoundedBytes / piece_bytes, 1);
  int64_t outputs = 0;
  for (const LinearGradientTerm& term : terms_) outputs += term.weight->out_features();
  const int64_t slices = SlicesFor(context_, kProductCost * dx_.rows * dx_.cols * outputs);
  const int64_t pieces = (outputs + 2 * kPanelSteps - 1) / (2 * kPanelSteps);
  return std::min(room, (pieces + slices - 1) / slices);
}

// As many terms at once as their rounded dy has room for; a term with many outputs in parts.
void InputGradientRun::Run() {
  const int64_t room = PiecesTogether();
  auto start = Start::kZero;
  size_t term = 0;
  int64_t begin = 0;
  while (term < terms_.size()) {
    const Scratch::Frame frame(context_.scratch);
    const auto spans = context_.scratch.Allocate<Span>(static_cast<int64_t>(terms_.size()));
    size_t count = 0;
    for (int64_t left = room; left > 0 && term < terms_.size();) {
      const int64_t outputs = terms_[term].weight->out_features();
      Span& span = spans[count++];
      span = {.term = &terms_[term],
              .begin = begin,
              .end = std::min(begin + left * 2 * kPanelSteps, outputs),
              .bf16 = WeightPanels::MultipliesBf16(kernels_, *terms_[term].weight)};
      left -= span.pieces();
      if (span.bf16) {
        span.pairs =
            context_.scratch.Allocate<uint32_t>(span.pieces() * dx_.rows * kPanelSteps).data();
      }
      begin = span.end == outputs ? 0 : span.end;
      if (begin == 0) ++term;
    }
    if (start == Start::kTarget) context_.Pause();
    RunSpans(spans.first(count), start);
    start = Start::kTarget;
  }
}

void InputGradientRun::RunSpans(std::span<const Span> spans, Start start) {
  for (const Span& span : spans) {
    if (!span.bf16) continue;
    ForRows(context_, span.pieces() * dx_.rows, span.piece_outputs(),
            [&](int64_t begin, int64_t end) { RoundPieces(span, begin, end); });
  }
  std::atomic<int64_t> next{0};
  context_.pool.Run([&](int thread) {
    while (true) {
      const int64_t task = next.fetch_add(1, std::memory_order_relaxed);
      if (task >= row_blocks_ * column_blocks_) return;
      RunBlock(spans, start, task % row_blocks_ * block_rows_, task / row_blocks_ * kBlockColumns,
               scratch_[static_cast<size_t>(thread)]);
    }
  });
}

void InputGradientRun::RoundPieces(const Span& span, int64_t begin, int64_t end) const {
  const int64_t pieces = span.pieces();
  for (int64_t i = begin; i < end; ++i) {
    const int64_t row = i / pieces;
    const int64_t piece = i % pieces;
    const int64_t output = span.begin + piece * span.piece_outputs();
    const int64_t count = std::min(span.piece_outputs(), span.end - output);
    auto* pairs = reinterpret_cast<uint16_t*>(span.pairs + (piece * dx_.rows + row) * kPanelSteps);
    kernels_.round_bf16(span.term->dy.row(row) + output, count, pairs);
    if (count % 2 != 0) pairs[count] = 0;
  }
}

void InputGradientRun::RunBlock(std::span<const Span> spans, Start start, int64_t row,
                                int64_t column, const ThreadScratch& scratch) const {
  int64_t pieces = 0;
  for (const Span& span : spans) pieces += span.pieces();
  const Matrix target = dx_.Rows(row, std::min(block_rows_, dx_.rows - row))
                            .Cols(column, std::min(kBlockColumns, dx_.cols - column));
  BlockSums sums(target, scratch.sums, start, pieces);
  for (const Span& span : spans) {
    const WeightPanels weight(kernels_, *span.term->weight, column, target.cols, scratch.rows);
    AddSpan(span, row, weight, scratch.panels, sums);
  }
}

void InputGradientRun::AddSpan(const Span& span, int64_t row, const WeightPanels& weight,
                               uint32_t* panels, BlockSums& sums) const {
  const ConstMatrix& dy = span.term->dy;
  for (int64_t piece = 0; piece < span.pieces(); ++piece) {
    const int64_t output = span.begin + piece * span.piece_outputs();
    const int64_t count = std::min(span.piece_outputs(), span.end - output);
    if (span.bf16) {
      weight.PackBf16(output, count, panels);
      sums.Add<uint32_t>(kernels_.bf16, span.pairs + (piece * dx_.rows + row) * kPanelSteps,
                         kPanelSteps, panels, (count + 1) / 2);
    } else {
      auto* words = reinterpret_cast<float*>(panels);
      weight.PackF32(output, count, words);
      sums.Add<float>(kernels_.f32, dy.row(row) + output, dy.stride, words, count);
    }
  }
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
