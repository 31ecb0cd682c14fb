#include "adapters/merge_rows.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "formats/small_files.h"
#include "tensor/dequantize.h"
#include "tensor/quantize.h"

namespace hyprstream::adapters {
namespace {

constexpr int64_t kElementsAtOnce = 1 << 18;

void AddUpdate(const RowUpdate& update, int64_t o, std::span<float> values) {
  const auto in = static_cast<int64_t>(values.size());
  for (int64_t c = 0; c < update.view.rank; ++c) {
    const float b = update.view.b[c * update.out + o];
    const float* a = update.view.a + c * in;
    for (size_t i = 0; i < values.size(); ++i) values[i] += b * a[i];
  }
}

void CheckRange(const std::string& name, DType type, std::span<const float> values) {
  const float limit = type == DType::kF16 ? 65504.0f : 3.38e38f;
  for (const float value : values) {
    if (std::fabs(value) <= limit) continue;
    throw Error(ErrorCode::kUnsupported,
                {.message = "the merged weights do not fit their type",
                 .expected = "at most " + std::to_string(limit) + " for " + std::string(Name(type)),
                 .found = std::to_string(value),
                 .where = "tensor " + formats::Quote(name)});
  }
}

/// The row of the base that is written as row `r`.
int64_t SourceRow(const MergedRows& rows, int64_t r) {
  return rows.from.paired_head == rows.to.paired_head ? r : rows.to.Halved(r);
}

}  // namespace

int64_t RowOrder::Halved(int64_t row) const {
  if (paired_head == 0) return row;
  const int64_t i = row % paired_head;
  return row - i + i / 2 + (i % 2) * (paired_head / 2);
}

void WriteMergedRows(const MergedRows& rows, DType type, const formats::ByteSink& sink) {
  const TensorView& base = rows.base;
  const int64_t cols = base.cols();
  const int64_t step = std::max<int64_t>(1, kElementsAtOnce / cols);
  const auto row_bytes = static_cast<size_t>(*RowBytes(type, static_cast<uint64_t>(cols)));
  HYPR_CHECK(rows.from.paired_head == rows.to.paired_head || rows.from.paired_head == 0);
  std::vector<float> row(static_cast<size_t>(cols));
  std::vector<std::byte> out;
  for (int64_t begin = 0; begin < base.rows(); begin += step) {
    const int64_t end = std::min(base.rows(), begin + step);
    out.resize(static_cast<size_t>(end - begin) * row_bytes);
    for (int64_t r = begin; r < end; ++r) {
      const int64_t source = SourceRow(rows, r);
      DequantizeRow(base.dtype, base.row(source), row);
      for (const RowUpdate& update : rows.updates) {
        const int64_t o = source - update.first_row;
        if (o >= 0 && o < update.out) AddUpdate(update, rows.from.Halved(o), row);
      }
      CheckRange(rows.name, type, row);
      QuantizeRow(type, row,
                  std::span(out).subspan(static_cast<size_t>(r - begin) * row_bytes, row_bytes));
    }
    sink(out);
  }
}

}  // namespace hyprstream::adapters
