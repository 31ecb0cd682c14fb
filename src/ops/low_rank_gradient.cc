#include "ops/low_rank_gradient.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/error.h"
#include "kernels/cpu/gemm.h"
#include "kernels/cpu/matmul.h"
#include "ops/row_parallel.h"

namespace hyprstream::ops {
namespace {

using kernels::kPanelColumns;
using kernels::kPanelSteps;

constexpr int64_t kTaskColumns = 2 * kPanelColumns;  // neighbours share pairs of cache lines
constexpr int64_t kPanelWords = kPanelSteps * kPanelColumns;

// One call: the components of every row first, then independent blocks of columns.
class LowRankRun {
 public:
  LowRankRun(Context& context, ConstMatrix x, ConstMatrix dy, const LowRankView& view, float scale,
             Matrix da, Matrix db, Matrix dx)
      : context_(context),
        gemm_(kernels::GemmKernelsFor(context.isa).f32),
        x_(x),
        dy_(dy),
        view_(view),
        scale_(scale),
        da_(da),
        db_(db),
        dx_(dx),
        panels_(context.scratch.Allocate<float>(kPanelWords * context.pool.threads())) {
    if (db.data != nullptr) z_ = context.scratch.AllocateMatrix(x.rows, view.rank);
    if (da.data != nullptr || dx.data != nullptr) {
      g_ = context.scratch.AllocateMatrix(x.rows, view.rank);
    }
  }

  void Run() {
    const int64_t row_elements = (x_.cols + dy_.cols) * view_.rank;
    ForRows(context_, x_.rows, row_elements, [&](int64_t begin, int64_t end) {
      if (z_.data != nullptr) Project(x_, view_.a, begin, end, z_);
      if (g_.data != nullptr) Project(dy_, view_.b, begin, end, g_);
    });
    const int64_t inputs = g_.data == nullptr ? 0 : (x_.cols + kTaskColumns - 1) / kTaskColumns;
    const int64_t outputs = z_.data == nullptr ? 0 : (dy_.cols + kTaskColumns - 1) / kTaskColumns;
    std::atomic<int64_t> next{0};
    const auto body = [&](int thread) {
      float* panel = panels_.data() + thread * kPanelWords;
      while (true) {
        const int64_t task = next.fetch_add(1, std::memory_order_relaxed);
        if (task >= inputs + outputs) return;
        if (task < inputs) {
          RunInputs(task * kTaskColumns, panel);
        } else {
          RunOutputs((task - inputs) * kTaskColumns, panel);
        }
      }
    };
    if (x_.rows * row_elements < kParallelElements) return body(0);
    context_.pool.Run(body);
  }

 private:
  /// out = scale · in · vᵀ for rows [begin, end); v is [rank, in.cols].
  void Project(ConstMatrix in, const float* v, int64_t begin, int64_t end, Matrix out) const;
  void RunInputs(int64_t column, float* panel) const;
  void RunOutputs(int64_t column, float* panel) const;
  /// c += componentsᵀ · rows: c is one panel of a gradient's columns, rows those of x or dy.
  void AddOuter(ConstMatrix components, ConstMatrix rows, Matrix c, float* panel) const;
  /// c += g · a: c is one panel of dx's columns, a those of A.
  void AddInputs(ConstMatrix a, Matrix c, float* panel) const;
  /// c += a · b, which fits a panel.
  void AddProduct(const float* a, int64_t a_row, int64_t a_step, ConstMatrix b, Matrix c,
                  float* panel) const;

  Context& context_;
  void (*gemm_)(const kernels::GemmArgs<float>&);
  ConstMatrix x_;
  ConstMatrix dy_;
  LowRankView view_;
  float scale_;
  Matrix da_;
  Matrix db_;
  Matrix dx_;
  Matrix z_;  // [rows, rank], scaled
  Matrix g_;  // [rows, rank], scaled
  std::span<float> panels_;
};

void LowRankRun::Project(ConstMatrix in, const float* v, int64_t begin, int64_t end,
                         Matrix out) const {
  constexpr int64_t kFloat = sizeof(float);
  kernels::MatmulKernelsFor(context_.isa)
      .f32({.weight = reinterpret_cast<const std::byte*>(v),
            .weight_stride = in.cols * kFloat,
            .x = reinterpret_cast<const std::byte*>(in.row(begin)),
            .x_stride = in.stride * kFloat,
            .rows = end - begin,
            .outputs = view_.rank,
            .k = in.cols,
            .bias = nullptr,
            .y = out.row(begin),
            .y_stride = out.stride});
  for (int64_t i = begin * view_.rank; i < end * view_.rank; ++i) out.data[i] *= scale_;
}

ConstMatrix Columns(ConstMatrix matrix, int64_t column, int64_t count) {
  return {matrix.data + column, matrix.rows, count, matrix.stride};
}

ConstMatrix SomeRows(ConstMatrix matrix, int64_t row, int64_t count) {
  return {matrix.row(row), count, matrix.cols, matrix.stride};
}

// Neighbouring rows of a matrix compete for the same sets of the cache; of a panel they do not.
void CopyPanel(ConstMatrix b, float* panel) {
  constexpr int64_t kRowsAhead = 16;  // pieces of rows are too short for the hardware to foresee
  for (int64_t row = 0; row < b.rows; ++row, panel += kPanelColumns) {
    if (row + kRowsAhead < b.rows) {
      __builtin_prefetch(b.row(row + kRowsAhead));
      __builtin_prefetch(b.row(row + kRowsAhead) + b.cols - 1);
    }
    if (b.cols == kPanelColumns) {
      std::memcpy(panel, b.row(row), kPanelColumns * sizeof(float));
    } else {
      std::memcpy(panel, b.row(row), static_cast<size_t>(b.cols) * sizeof(float));
    }
  }
}

void LowRankRun::AddProduct(const float* a, int64_t a_row, int64_t a_step, ConstMatrix b, Matrix c,
                            float* panel) const {
  CopyPanel(b, panel);
  gemm_({.a = a,
         .a_row = a_row,
         .a_step = a_step,
         .b = panel,
         .steps = b.rows,
         .rows = c.rows,
         .columns = c.cols,
         .c = c.data,
         .c_row = c.stride,
         .addend = c.data,
         .addend_row = c.stride});
}

void LowRankRun::AddOuter(ConstMatrix components, ConstMatrix rows, Matrix c, float* panel) const {
  for (int64_t row = 0; row < rows.rows; row += kPanelSteps) {
    AddProduct(components.row(row), 1, components.stride,
               SomeRows(rows, row, std::min(kPanelSteps, rows.rows - row)), c, panel);
  }
}

void LowRankRun::AddInputs(ConstMatrix a, Matrix c, float* panel) const {
  for (int64_t component = 0; component < a.rows; component += kPanelSteps) {
    AddProduct(g_.data + component, g_.stride, 1,
               SomeRows(a, component, std::min(kPanelSteps, a.rows - component)), c, panel);
  }
}

void LowRankRun::RunInputs(int64_t column, float* panel) const {
  const ConstMatrix a{view_.a, view_.rank, x_.cols, x_.cols};
  const int64_t end = std::min(column + kTaskColumns, x_.cols);
  for (; column < end; column += kPanelColumns) {
    const int64_t count = std::min(kPanelColumns, end - column);
    if (da_.data != nullptr) {
      AddOuter(g_, Columns(x_, column, count), da_.Cols(column, count), panel);
    }
    if (dx_.data != nullptr) {
      AddInputs(Columns(a, column, count), dx_.Cols(column, count), panel);
    }
  }
}

void LowRankRun::RunOutputs(int64_t column, float* panel) const {
  const int64_t end = std::min(column + kTaskColumns, dy_.cols);
  for (; column < end; column += kPanelColumns) {
    const int64_t count = std::min(kPanelColumns, end - column);
    AddOuter(z_, Columns(dy_, column, count), db_.Cols(column, count), panel);
  }
}

void CheckShape(const Matrix& matrix, int64_t rows, int64_t cols) {
  if (matrix.data == nullptr) return;
  HYPR_CHECK(matrix.rows == rows && matrix.cols == cols);
}

}  // namespace

void LowRankGradient(Context& context, ConstMatrix x, ConstMatrix dy, const LowRankView& view,
                     float scale, Matrix da, Matrix db, Matrix dx) {
  HYPR_CHECK(x.rows == dy.rows);
  CheckShape(da, view.rank, x.cols);
  CheckShape(db, view.rank, dy.cols);
  CheckShape(dx, x.rows, x.cols);
  if (x.rows == 0 || view.rank == 0) return;
  const Scratch::Frame frame(context.scratch);
  LowRankRun(context, x, dy, view, scale, da, db, dx).Run();
}

}  // namespace hyprstream::ops
