// What a LinearWeight holds. Private to the linear operation.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "ops/linear.h"

namespace hyprstream::ops {

struct LinearWeight::Impl {
  enum class Form {
    kInPlace,  // F32, F16, BF16: multiplied where it lies
    kWidened,  // rows widened to f32 in scratch as they are multiplied
    kPacked,   // quantised, in strips
  };

  TensorView view;  // kPacked: type and shape only
  Arithmetic arithmetic = Arithmetic::kServing;
  Form form = Form::kInPlace;
  std::shared_ptr<std::byte> packed_here;  // null when the strips are somebody else's
  std::span<const std::byte> packed;       // the strips
  int64_t strip_bytes = 0;
  uint64_t weight_bytes = 0;
  std::vector<float> bias;  // [out_features], or empty

  const float* bias_from(int64_t output) const {
    return bias.empty() ? nullptr : bias.data() + output;
  }
};

}  // namespace hyprstream::ops
