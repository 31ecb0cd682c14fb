// The learning rate of each step: a linear warm-up, then constant, or a linear or half-cosine fall
// to a share of the peak (Loshchilov & Hutter 2017 without restarts). A function of the step alone,
// so that a resumed run goes on exactly. A value type.
#pragma once

#include <cstdint>
#include <string_view>

namespace hyprstream::training {

enum class Decay { kConstant, kLinear, kCosine };
/// "constant", "linear", "cosine". Errors: kInvalidArgument naming what there is.
Decay ParseDecay(std::string_view name);
std::string_view DecayName(Decay decay);

struct Schedule {
  double peak = 1e-3;
  Decay decay = Decay::kLinear;
  int64_t warmup = 0;        // steps until the peak is reached
  int64_t steps = 0;         // of the whole run; only kConstant needs none
  double final_share = 0.1;  // of the peak, at the end of the last step

  /// `step` counts from 0.
  double At(int64_t step) const;
};

}  // namespace hyprstream::training
