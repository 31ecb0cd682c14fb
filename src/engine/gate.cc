#include "engine/gate.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "base/error.h"

namespace hyprstream::engine {
namespace {

constexpr double kGeneralTolerance = 0.01;
constexpr double kGeneralDrift = 0.05;
constexpr double kKnownTolerance = 0.1;

double Mean(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double Sum(std::span<const double> losses, std::span<const double> targets) {
  return std::inner_product(losses.begin(), losses.end(), targets.begin(), 0.0);
}

}  // namespace

bool KeepsWhatWasKnown(const GateLosses& losses) {
  HYPR_CHECK(losses.general.size() == losses.general_base.size());
  HYPR_CHECK(losses.general.size() == losses.general_before.size());
  HYPR_CHECK(losses.general.size() == losses.general_targets.size());
  if (losses.general.empty()) return true;
  const auto sum = [&](std::span<const double> of) { return Sum(of, losses.general_targets); };
  return sum(losses.general) <= (1.0 + kGeneralTolerance) * sum(losses.general_before) &&
         sum(losses.general) <= (1.0 + kGeneralDrift) * sum(losses.general_base);
}

Judgement Judge(const GateLosses& losses) {
  HYPR_CHECK(losses.heldout.size() == losses.heldout_before.size());
  HYPR_CHECK(losses.known <= losses.heldout.size());
  if (losses.heldout.empty()) return {true, "promoted: no held-out samples to judge it by"};
  // Negated comparisons, so that a loss that is no number never passes.
  if (!KeepsWhatWasKnown(losses)) {
    return {.reason = "rejected: what the model knew is predicted worse"};
  }
  if (!(Mean(losses.heldout) < Mean(losses.heldout_before))) {
    return {.reason = "rejected: held-out samples are not predicted better"};
  }
  if (losses.known > 0) {
    const double before = Mean(std::span(losses.heldout_before).first(losses.known));
    const double after = Mean(std::span(losses.heldout).first(losses.known));
    if (!(after <= before + std::max(kKnownTolerance, kKnownTolerance * before))) {
      return {.reason = "rejected: what had been taught before is predicted worse"};
    }
  }
  return {true, "promoted: held-out samples are predicted better"};
}

}  // namespace hyprstream::engine
