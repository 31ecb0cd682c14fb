#include "ops/pointwise.h"

#include "kernels/cpu/row_kernels.h"
#include "ops/row_parallel.h"
#include "tensor/dequantize.h"

namespace hyprstream::ops {
namespace {

/// What an exponential costs, in simple element operations.
constexpr int64_t kExpElements = 4;

/// Columns that one thread adds at a time: whole cache lines of a row.
constexpr int64_t kColumnGrain = 64;

/// Which of two entries comes first.
bool Before(const TopK& a, const TopK& b) {
  return a.value > b.value || (a.value == b.value && a.index < b.index);
}

}  // namespace

void SwiGlu(Context& context, ConstMatrix gate, ConstMatrix up, Matrix y) {
  HYPR_CHECK(gate.rows == up.rows && gate.cols == up.cols);
  HYPR_CHECK(gate.rows == y.rows && gate.cols == y.cols);
  const kernels::RowKernels& kernel = kernels::RowKernelsFor(context.isa);
  ForRows(context, y.rows, y.cols * kExpElements, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      kernel.swiglu(gate.row(i), up.row(i), y.cols, y.row(i));
    }
  });
}

void AddInPlace(Context& context, Matrix x, ConstMatrix delta) {
  HYPR_CHECK(x.rows == delta.rows && x.cols == delta.cols);
  const kernels::RowKernels& kernel = kernels::RowKernelsFor(context.isa);
  ForRows(context, x.rows, x.cols, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) kernel.add(x.row(i), delta.row(i), x.cols);
  });
}

void ScatterAdd(Context& context, Matrix x, ConstMatrix delta, std::span<const int32_t> rows,
                std::span<const float> scale) {
  HYPR_CHECK(x.cols == delta.cols && delta.rows == static_cast<int64_t>(rows.size()));
  HYPR_CHECK(rows.size() == scale.size());
  for (const int32_t row : rows) HYPR_CHECK(row >= 0 && row < x.rows);
  const kernels::RowKernels& kernel = kernels::RowKernelsFor(context.isa);
  // A row may be named twice: threads split the columns, so that its sum keeps the order given.
  const auto add_columns = [&](int64_t begin, int64_t end) {
    for (size_t i = 0; i < rows.size(); ++i) {
      kernel.add_scaled(x.row(rows[i]) + begin, delta.row(static_cast<int64_t>(i)) + begin,
                        scale[i], end - begin);
    }
  };
  if (delta.rows * x.cols < kParallelElements) {
    add_columns(0, x.cols);
    return;
  }
  context.pool.ParallelFor(x.cols, kColumnGrain,
                           [&](int64_t begin, int64_t end, int) { add_columns(begin, end); });
}

void EmbeddingLookup(Context& context, const TensorView& table, std::span<const int32_t> ids,
                     Matrix out) {
  HYPR_CHECK(CanDequantize(table.dtype));
  HYPR_CHECK(out.rows == static_cast<int64_t>(ids.size()) && out.cols == table.cols());
  const int64_t vocab = table.rows();
  for (const int32_t id : ids) HYPR_CHECK(id >= 0 && id < vocab);
  ForRows(context, out.rows, out.cols, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      DequantizeRow(table.dtype, table.row(ids[static_cast<size_t>(i)]),
                    {out.row(i), static_cast<size_t>(out.cols)});
    }
  });
}

void SoftmaxRows(Context& context, Matrix x) {
  HYPR_CHECK(x.cols > 0);
  const kernels::RowKernels& kernel = kernels::RowKernelsFor(context.isa);
  ForRows(context, x.rows, x.cols * kExpElements, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) kernel.softmax(x.row(i), x.cols);
  });
}

void SelectTopK(std::span<const float> values, std::span<TopK> out) {
  HYPR_CHECK(out.size() <= values.size());
  if (out.empty()) return;
  size_t held = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const TopK entry{static_cast<int32_t>(i), values[i]};
    if (held == out.size() && !Before(entry, out[held - 1])) continue;
    if (held < out.size()) ++held;
    size_t place = held - 1;
    for (; place > 0 && Before(entry, out[place - 1]); --place) out[place] = out[place - 1];
    out[place] = entry;
  }
}

}  // namespace hyprstream::ops
