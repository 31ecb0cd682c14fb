#include "training/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

#include "base/error.h"

namespace hyprstream::training {

Decay ParseDecay(std::string_view name) {
  for (const Decay decay : {Decay::kConstant, Decay::kLinear, Decay::kCosine}) {
    if (name == DecayName(decay)) return decay;
  }
  throw Error(ErrorCode::kInvalidArgument, {.message = "unknown learning rate schedule",
                                            .expected = "constant, linear or cosine",
                                            .found = std::string(name)});
}

std::string_view DecayName(Decay decay) {
  switch (decay) {
    case Decay::kConstant:
      return "constant";
    case Decay::kLinear:
      return "linear";
    case Decay::kCosine:
      return "cosine";
  }
  return "";
}

double Schedule::At(int64_t step) const {
  if (step < warmup) return peak * static_cast<double>(step + 1) / static_cast<double>(warmup);
  if (decay == Decay::kConstant || steps <= warmup) return peak;
  const double done = std::clamp(
      static_cast<double>(step - warmup) / static_cast<double>(steps - warmup), 0.0, 1.0);
  const double left =
      decay == Decay::kLinear ? 1.0 - done : 0.5 * (1.0 + std::cos(std::numbers::pi * done));
  return peak * (final_share + (1.0 - final_share) * left);
}

}  // namespace hyprstream::training
