#include "ops/weight_panels.h"

#include <algorithm>
#include <cstring>

#include "ops/linear_weight.h"
#include "tensor/dequantize.h"

namespace hyprstream::ops {
namespace {

using Form = LinearWeight::Impl::Form;
using kernels::kPanelColumns;
using kernels::kStripRows;

constexpr float kZeros[kBlockColumns] = {};

int64_t BytesOf(DType type, int64_t elements) {
  return elements / Info(type).block_elements * Info(type).block_bits / 8;
}

int TypeIndex(DType type) { return static_cast<int>(type) - static_cast<int>(DType::kQ4_0); }

}  // namespace

WeightPanels::WeightPanels(const kernels::GemmKernels& kernels, const LinearWeight& weight,
                           int64_t column, int64_t columns, float* rows)
    : kernels_(kernels), weight_(weight), column_(column), columns_(columns), rows_(rows) {}

bool WeightPanels::MultipliesBf16(const kernels::GemmKernels& kernels, const LinearWeight& weight) {
  return kernels.bf16 != nullptr && weight.impl().arithmetic == Arithmetic::kServing;
}

std::span<const std::byte> WeightPanels::RowBytes(int64_t output) const {
  const TensorView& view = weight_.impl().view;
  return view.row(output).subspan(static_cast<size_t>(BytesOf(view.dtype, column_)),
                                  static_cast<size_t>(BytesOf(view.dtype, columns_)));
}

const float* WeightPanels::WidenRow(int64_t output, float* to) const {
  DequantizeRow(weight_.dtype(), RowBytes(output), {to, static_cast<size_t>(columns_)});
  return to;
}

template <class Word, class Strip>
void WeightPanels::PackStrips(int64_t output, int64_t count, int64_t strip_steps, Strip strip,
                              Word* panels) const {
  const LinearWeight::Impl& weight = weight_.impl();
  const std::byte* records = weight.packed.data() + output / kStripRows * weight.strip_bytes +
                             kStripRows * BytesOf(weight.view.dtype, column_);
  for (int64_t row = 0; row < count; row += kStripRows, records += weight.strip_bytes) {
    strip({.records = records, .columns = columns_},
          {.words = panels + row / kStripRows * strip_steps * kPanelColumns,
           .panel_words = kPanelWords});
  }
}

void WeightPanels::PackBf16(int64_t output, int64_t count, uint32_t* panels) const {
  const LinearWeight::Impl& weight = weight_.impl();
  if (weight.form == Form::kPacked) {
    return PackStrips(output, count, kStripRows / 2,
                      kernels_.strip_bf16[TypeIndex(weight.view.dtype)], panels);
  }
  for (int64_t row = 0; row < count; row += 2) {
    const kernels::PanelSpan<uint32_t> step{panels + row / 2 * kPanelColumns, kPanelWords};
    const bool pair = row + 1 < count;
    if (weight.view.dtype == DType::kBF16) {
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
  const LinearWeight::Impl& weight = weight_.impl();
  if (weight.form == Form::kPacked) {
    return PackStrips(output, count, kStripRows, kernels_.strip_f32[TypeIndex(weight.view.dtype)],
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
