// The activations of one Linear call in every form its weights multiply, made once: f32 as given,
// bf16, groups for panels of floats, int8 blocks. Memory is the caller's scratch. Private to the
// linear operation.
#pragma once

#include <span>

#include "kernels/cpu/matmul.h"
#include "ops/linear.h"

namespace hyprstream::ops {

class LinearInput {
 public:
  /// Allocates what the weights need; nothing is converted yet.
  LinearInput(Context& context, const kernels::MatmulKernels& kernels, ConstMatrix x,
              std::span<const LinearCall> calls);

  /// Independent pieces of the conversion; 0 when x is used as it is.
  int64_t pieces() const { return row_pieces() + group_pieces(); }
  /// Converts pieces [begin, end). Any thread.
  void Prepare(int64_t begin, int64_t end) const;

  const ConstMatrix& x() const { return x_; }
  /// Rows enough that float weights are multiplied in panels.
  bool in_groups() const { return in_groups_; }
  const std::byte* f32_groups() const { return f32_groups_; }
  const std::byte* bf16_groups() const { return bf16_groups_; }
  const uint16_t* bf16() const { return bf16_; }
  int64_t bf16_stride() const { return bf16_stride_; }  // elements
  const kernels::ActivationBlock* blocks() const { return blocks_; }

 private:
  int64_t row_pieces() const {
    return bf16_ == nullptr && blocks_ == nullptr ? 0 : x_.rows * per_row_;
  }
  int64_t group_pieces() const;
  void PrepareGroup(int64_t piece) const;

  const kernels::MatmulKernels& kernels_;
  ConstMatrix x_;
  int64_t per_row_;  // pieces of 256 elements
  bool in_groups_;
  std::byte* f32_groups_ = nullptr;
  std::byte* bf16_groups_ = nullptr;
  uint16_t* bf16_ = nullptr;
  int64_t bf16_stride_ = 0;
  kernels::ActivationBlock* blocks_ = nullptr;
};

/// Whether `weight` is multiplied with bf16 activations by these kernels.
bool TakesBf16(const LinearWeight& weight, const kernels::MatmulKernels& kernels);

}  // namespace hyprstream::ops
