#include "ops/linear_input.h"

#include <algorithm>

#include "ops/linear_weight.h"

namespace hyprstream::ops {

bool TakesBf16(const LinearWeight& weight, const kernels::MatmulKernels& kernels) {
  return kernels.bf16_dot != nullptr && weight.dtype() == DType::kBF16 &&
         weight.impl().arithmetic == Arithmetic::kServing;
}

LinearInput::LinearInput(Context& context, const kernels::MatmulKernels& kernels, ConstMatrix x,
                         std::span<const LinearCall> calls)
    : kernels_(kernels), x_(x), per_row_(kernels::ActivationBlocks(x.cols)) {
  bool bf16 = false;
  bool blocks = false;
  for (const LinearCall& call : calls) {
    bf16 = bf16 || TakesBf16(*call.weight, kernels);
    blocks = blocks || call.weight->impl().form == LinearWeight::Impl::Form::kPacked;
  }
  if (bf16) {
    // A whole line more than the row, so that rows do not compete for the same cache sets.
    bf16_stride_ = (x.cols + 31) / 32 * 32 + 32;
    bf16_ = context.scratch.Allocate<uint16_t>(x.rows * bf16_stride_).data();
  }
  if (blocks) {
    blocks_ = context.scratch.Allocate<kernels::ActivationBlock>(x.rows * per_row_).data();
  }
}

void LinearInput::Prepare(int64_t begin, int64_t end) const {
  for (int64_t piece = begin; piece < end; ++piece) {
    const int64_t row = piece / per_row_;
    const int64_t k = piece % per_row_ * kernels::kSuperBlock;
    const int64_t count = std::min(kernels::kSuperBlock, x_.cols - k);
    const float* x = x_.row(row) + k;
    if (bf16_ != nullptr) kernels_.round_bf16(x, count, bf16_ + row * bf16_stride_ + k);
    if (blocks_ != nullptr) kernels_.quantize(x, count, blocks_ + piece);
  }
}

}  // namespace hyprstream::ops
