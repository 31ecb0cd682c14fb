#include "ops/weight_panels.h"

#include <algorithm>
#include <cstring>

#include "tensor/dequantize.h"

namespace hyprstream::ops {
namespace {

using Form = LinearWeight::Impl::Form;
using kernels::kPanelColumns;
using kernels::kStripRows;

constexpr float kZeros[kBlockColumns] = {};
// A block's part of a row is too short for the hardware to see it coming.
constexpr int64_t kRowsAhead = 8;

void Prefetch(std::span<const std::byte> bytes) {
  for (size_t i = 0; i < bytes.size(); i += 64) __builtin_prefetch(bytes.data() + i);
}

int64_t BytesOf(DType type, int64_t elements) {
  return elements / Info(type).block_elements * Info(type).block_bits / 8;
}

int TypeIndex(DType type) { return static_cast<int>(type) - static_cast<int>(DType::kQ4_0); }

}  // namespace

WeightPanels::WeightPanels(const kernels::GemmKernels& kernels, const LinearWeight& weight,
                           int64_t column, int64_t columns, float* rows)
    : kernels_(kernels),
      weight_(weight.impl()),
      columns_(columns),
      column_bytes_(BytesOf(weight.dtype(), column)),
      block_bytes_(BytesOf(weight.dtype(), columns)),
      row_bytes_(BytesOf(weight.dtype(), weight.in_features())),
      rows_(rows) {}

bool WeightPanels::MultipliesBf16(const kernels::GemmKernels& kernels, const LinearWeight& weight) {
  return kernels.bf16 != nullptr && weight.impl().arithmetic == Arithmetic::kServing;
}

const float* WeightPanels::WidenRow(int64_t output, float* to) const {
  DequantizeRow(weight_.view.dtype, RowBytes(output), {to, static_cast<size_t>(columns_)});
  return to;
}

template <class Word, class Strip>
void WeightPanels::PackStrips(int64_t output, int64_t count, int64_t strip_steps, Strip strip,
                              Word* panels) const {
  const std::byte* records = weight_.packed.data() + output / kStripRows * weight_.strip_bytes +
                             kStripRows * column_bytes_;
  for (int64_t row = 0; row < count; row += kStripRows, records += weight_.strip_bytes) {
    strip({.records = records, .columns = columns_},
          {.words = panels + row / kStripRows * strip_steps * kPanelColumns,
           .panel_words = kPanelWords});
  }
}

void WeightPanels::PackBf16(int64_t output, int64_t count, uint32_t* panels) const {
  if (weight_.form == Form::kPacked) {
    return PackStrips(output, count, kStripRows / 2,
                      kernels_.strip_bf16[TypeIndex(weight_.view.dtype)], panels);
  }
  for (int64_t row = 0; row < count; row += 2) {
    const kernels::PanelSpan<uint32_t> step{panels + row / 2 * kPanelColumns, kPanelWords};
    const bool pair = row + 1 < count;
    for (int64_t i = 0; i < 2; ++i) {
      if (row + kRowsAhead + i < count) Prefetch(RowBytes(output + row + kRowsAhead + i));
    }
    if (weight_.view.dtype == DType::kBF16) {
      const std::byte* odd =
          pair ? RowBytes(output + row + 1).data() : reinterpret_cast<const std::byte*>(kZeros);
      kernels_.pair_bf16(RowBytes(output + row).data(), odd, columns_, step);
    } else {
      const float* even = WidenRow(output + row, rows_);
      const float* odd = pair ? WidenRow(output + row + 1, rows_ + kBlockColumns) : kZeros;
      kernels_.pair_f32(even, odd, columns_, step);
    }
  }
}

void WeightPanels::PackF32(int64_t output, int64_t count, float* panels) const {
  if (weight_.form == Form::kPacked) {
    return PackStrips(output, count, kStripRows, kernels_.strip_f32[TypeIndex(weight_.view.dtype)],
                      panels);
  }
  for (int64_t row = 0; row < count; ++row) {
    const float* widened = WidenRow(output + row, rows_);
    for (int64_t column = 0; column < columns_; column += kPanelColumns) {
      const int64_t some = std::min(kPanelColumns, columns_ - column);
      std::memcpy(panels + column / kPanelColumns * kPanelWords + row * kPanelColumns,
                  widened + column, static_cast<size_t>(some) * sizeof(float));
    }
  }
}

}  // namespace hyprstream::ops
