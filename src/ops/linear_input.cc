#include "ops/linear_input.h"

#include <algorithm>

#include "ops/linear_weight.h"

namespace hyprstream::ops {
namespace {

using Form = LinearWeight::Impl::Form;
using kernels::FloatWord;

}  // namespace

bool TakesBf16(const LinearWeight& weight, const kernels::MatmulKernels& kernels) {
  return kernels.bf16_dot != nullptr && weight.dtype() == DType::kBF16 &&
         weight.impl().arithmetic == Arithmetic::kServing;
}

LinearInput::LinearInput(Context& context, const kernels::MatmulKernels& kernels, ConstMatrix x,
                         std::span<const LinearCall> calls)
    : kernels_(kernels),
      x_(x),
      per_row_(kernels::ActivationBlocks(x.cols)),
      in_groups_(kernels.float_panels != nullptr && x.rows >= kernels::kLeastFloatPanelRows) {
  bool f32 = false;
  bool bf16 = false;
  bool blocks = false;
  for (const LinearCall& call : calls) {
    const bool takes_bf16 = TakesBf16(*call.weight, kernels);
    const Form form = call.weight->impl().form;
    bf16 = bf16 || takes_bf16;
    f32 = f32 || (form == Form::kInPlace && !takes_bf16);
    blocks = blocks || form == Form::kPacked;
  }
  const auto groups = [&](FloatWord word) {
    const int64_t bytes = kernels::FloatGroups(x.rows) * kernels::FloatGroupBytes(word, x.cols);
    return context.scratch.Allocate<std::byte>(bytes).data();
  };
  if (f32 && in_groups_) f32_groups_ = groups(FloatWord::kF32);
  if (bf16 && in_groups_) {
    bf16_groups_ = groups(FloatWord::kBf16Pair);
  } else if (bf16) {
    // A whole line more than the row, so that rows do not compete for the same cache sets.
    bf16_stride_ = (x.cols + 31) / 32 * 32 + 32;
    bf16_ = context.scratch.Allocate<uint16_t>(x.rows * bf16_stride_).data();
  }
  if (blocks) {
    blocks_ = context.scratch.Allocate<kernels::ActivationBlock>(x.rows * per_row_).data();
  }
}

int64_t LinearInput::group_pieces() const {
  const bool any = f32_groups_ != nullptr || bf16_groups_ != nullptr;
  return any ? kernels::FloatGroups(x_.rows) * per_row_ : 0;
}

void LinearInput::PrepareGroup(int64_t piece) const {
  const int64_t group = piece / per_row_;
  const int64_t k = piece % per_row_ * kernels::kSuperBlock;
  const int64_t k_end = std::min(k + kernels::kSuperBlock, x_.cols);
  const int64_t begin = kernels::FloatGroupBegin(x_.rows, group);
  const auto args = [&](FloatWord word, std::byte* groups) {
    return kernels::PackFloatGroupArgs{
        .x = x_.row(begin),
        .x_stride = x_.stride,
        .rows = kernels::FloatGroupBegin(x_.rows, group + 1) - begin,
        .k = x_.cols,
        .step_begin = k / kernels::FloatStepElements(word),
        .step_end = kernels::FloatSteps(word, k_end),
        .group = groups + group * kernels::FloatGroupBytes(word, x_.cols)};
  };
  if (f32_groups_ != nullptr) {
    kernels_.float_panels->pack_f32(args(FloatWord::kF32, f32_groups_));
  }
  if (bf16_groups_ != nullptr) {
    kernels_.float_panels->pack_bf16(args(FloatWord::kBf16Pair, bf16_groups_));
  }
}

void LinearInput::Prepare(int64_t begin, int64_t end) const {
  const int64_t rows = row_pieces();
  for (int64_t piece = begin; piece < end; ++piece) {
    if (piece >= rows) {
      PrepareGroup(piece - rows);
      continue;
    }
    const int64_t row = piece / per_row_;
    const int64_t k = piece % per_row_ * kernels::kSuperBlock;
    const int64_t count = std::min(kernels::kSuperBlock, x_.cols - k);
    const float* x = x_.row(row) + k;
    if (bf16_ != nullptr) kernels_.round_bf16(x, count, bf16_ + row * bf16_stride_ + k);
    if (blocks_ != nullptr) kernels_.quantize(x, count, blocks_ + piece);
  }
}

}  // namespace hyprstream::ops
