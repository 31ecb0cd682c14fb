#include "convert/rows.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "formats/small_files.h"
#include "tensor/dequantize.h"
#include "tensor/quantize.h"

namespace hyprstream::convert {
namespace {

using formats::ByteSink;

constexpr int64_t kElementsAtOnce = int64_t{1} << 20;
constexpr size_t kBytesAtOnce = size_t{4} << 20;

void Drop(const Work& work, const TensorView& tensor, std::span<const std::byte> bytes) {
  if (const MappedFile* mapping = work.files.MappingOf(tensor)) mapping->DropPages(bytes);
}

void CopyPart(const Part& part, const Work& work, const ByteSink& sink) {
  for (std::span<const std::byte> rest = part.view.bytes; !rest.empty();) {
    const auto piece = rest.first(std::min(rest.size(), kBytesAtOnce));
    sink(piece);
    Drop(work, part.view, piece);
    work.progress.Advance(piece.size());
    rest = rest.subspan(piece.size());
  }
}

[[noreturn]] void RefuseValue(const Part& part, DType type, int64_t row, int64_t column) {
  std::vector<float> values(static_cast<size_t>(part.view.cols()));
  DequantizeRow(part.view.dtype, part.view.row(part.order.Source(row)), values);
  const float value = values[static_cast<size_t>(column)];
  const std::string where = "tensor " + formats::Quote(part.name) + ", row " +
                            std::to_string(part.order.Source(row)) + ", column " +
                            std::to_string(column);
  if (!std::isfinite(value)) {
    throw Error(ErrorCode::kDataLoss, {.message = "a weight is not a finite number",
                                       .found = std::to_string(value),
                                       .where = where});
  }
  throw Error(ErrorCode::kUnsupported,
              {.message = "a weight is too large for its new type",
               .expected = "at most " + std::to_string(LargestStorable(type)) + " for " +
                           std::string(Name(type)),
               .found = std::to_string(value),
               .where = where,
               .hint = "bf16 and f32 hold larger numbers"});
}

/// Rows [begin, end) of a part, in the order they are written.
class Rounding {
 public:
  Rounding(const Part& part, DType type, ThreadPool& pool)
      : part_(part),
        type_(type),
        pool_(pool),
        cols_(part.view.cols()),
        row_bytes_(*RowBytes(type, static_cast<uint64_t>(cols_))),
        values_(static_cast<size_t>(pool.threads()),
                std::vector<float>(static_cast<size_t>(cols_))) {}

  std::span<const std::byte> Rows(int64_t begin, int64_t end) {
    out_.resize(static_cast<size_t>(end - begin) * row_bytes_);
    std::atomic<int64_t> refused{INT64_MAX};  // the first, whoever finds it first
    pool_.ParallelFor(end - begin, 1, [&](int64_t first, int64_t last, int thread) {
      std::vector<float>& values = values_[static_cast<size_t>(thread)];
      for (int64_t i = first; i < last; ++i) {
        DequantizeRow(part_.view.dtype, part_.view.row(part_.order.Source(begin + i)), values);
        if (const auto bad = FindUnstorable(type_, values)) {
          const int64_t at = (begin + i) * cols_ + static_cast<int64_t>(*bad);
          int64_t known = refused.load();
          while (at < known && !refused.compare_exchange_weak(known, at)) continue;
          return;
        }
        QuantizeRow(type_, values,
                    std::span(out_).subspan(static_cast<size_t>(i) * row_bytes_, row_bytes_));
      }
    });
    if (const int64_t at = refused.load(); at != INT64_MAX) {
      RefuseValue(part_, type_, at / cols_, at % cols_);
    }
    return out_;
  }

 private:
  const Part& part_;
  const DType type_;
  ThreadPool& pool_;
  const int64_t cols_;
  const size_t row_bytes_;
  std::vector<std::vector<float>> values_;  // by thread
  std::vector<std::byte> out_;
};

void WritePart(const Part& part, DType type, const Work& work, const ByteSink& sink) {
  const TensorView& view = part.view;
  if (view.dtype == type && part.order.move == RowOrder::Move::kNone) {
    return CopyPart(part, work, sink);
  }
  Rounding rounding(part, type, work.pool);
  const int64_t step = std::max<int64_t>(1, kElementsAtOnce / std::max<int64_t>(1, view.cols()));
  for (int64_t begin = 0; begin < view.rows(); begin += step) {
    const int64_t end = std::min(view.rows(), begin + step);
    const auto bytes = rounding.Rows(begin, end);
    sink(bytes);
    // Rows that move come from one head, within a few rows of here.
    Drop(work, view, view.Rows(begin, end - begin).bytes);
    work.progress.Advance(bytes.size());
  }
}

}  // namespace

formats::StreamedTensor StreamAs(const LaidTensor& tensor, DType type, const Work& work) {
  return {.name = tensor.name,
          .dtype = type,
          .shape = tensor.shape,
          .write = [&tensor, type, &work](const ByteSink& sink) {
            if (tensor.parts.empty()) {
              HYPR_CHECK(type == DType::kF32);
              sink(std::as_bytes(std::span(tensor.values)));
            }
            for (const Part& part : tensor.parts) WritePart(part, type, work, sink);
          }};
}

bool IsExactIn(const LaidTensor& tensor, DType type) {
  std::vector<float> values, back;
  std::vector<std::byte> bytes;
  for (const Part& part : tensor.parts) {
    const auto cols = static_cast<size_t>(part.view.cols());
    values.resize(cols);
    back.resize(cols);
    bytes.resize(*RowBytes(type, cols));
    for (int64_t row = 0; row < part.view.rows(); ++row) {
      DequantizeRow(part.view.dtype, part.view.row(row), values);
      if (FindUnstorable(type, values)) return false;
      QuantizeRow(type, values, bytes);
      DequantizeRow(type, bytes, back);
      const bool same = std::ranges::equal(values, back, [](float a, float b) {
        return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b);
      });
      if (!same) return false;
    }
  }
  return true;
}

}  // namespace hyprstream::convert
