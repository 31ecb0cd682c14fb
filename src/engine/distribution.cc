#include "engine/distribution.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "engine/exponential.h"

namespace hyprstream::engine {
namespace {

constexpr int64_t kFirstGuess = 128;  // candidates sorted at first when top-k does not bound them

double Sum(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

void Distribution::Build(TopSelector& row, const SamplingParams& params) {
  const double inverse = 1.0 / static_cast<double>(params.temperature);
  const auto vocab = static_cast<int64_t>(row.row().size());
  const bool top_p = params.top_p < 1.0f;
  const bool min_p = params.min_p > 0.0f;
  candidates_ = {};
  if (params.top_k > 0 && params.top_k < vocab) {
    WeighCandidates(row.Largest(params.top_k), row.largest(), inverse);
    if (top_p) CutTopP(Sum(weights_), params.top_p);
    if (min_p) CutMinP(params.min_p);
  } else if (!top_p && !min_p) {
    KeepAll(row, inverse);
    return;
  } else {
    const double whole = top_p ? SumOfExponentials(row.row(), row.largest(), inverse) : 0.0;
    // A longer run is sorted until something of it is cut off.
    for (int64_t count = std::min(kFirstGuess, vocab);; count = std::min(count * 8, vocab)) {
      WeighCandidates(row.Largest(count), row.largest(), inverse);
      if (top_p) CutTopP(whole, params.top_p);
      if (min_p) CutMinP(params.min_p);
      if (size() < count || count == vocab) break;
    }
  }
  total_ = Sum(weights_);
}

void Distribution::KeepAll(const TopSelector& row, double inverse_temperature) {
  weights_.resize(row.row().size());
  SumOfExponentials(row.row(), row.largest(), inverse_temperature, weights_);
  total_ = Sum(weights_);
}

void Distribution::WeighCandidates(std::span<const Candidate> sorted, float largest,
                                   double inverse_temperature) {
  candidates_ = sorted;
  weights_.resize(sorted.size());
  for (size_t i = 0; i < sorted.size(); ++i) {
    const double below = static_cast<double>(sorted[i].logit) - static_cast<double>(largest);
    weights_[i] = ExpOfNegative(below * inverse_temperature);
  }
}

void Distribution::CutTopP(double whole, float top_p) {
  const double wanted = whole * static_cast<double>(top_p);
  double sum = 0;
  for (size_t i = 0; i < weights_.size(); ++i) {
    sum += weights_[i];
    if (sum >= wanted) {
      weights_.resize(i + 1);
      return;
    }
  }
}

void Distribution::CutMinP(float min_p) {
  const double least = weights_.front() * static_cast<double>(min_p);
  const auto first_below = std::find_if(weights_.begin(), weights_.end(),
                                        [least](double weight) { return weight < least; });
  weights_.erase(first_below, weights_.end());
}

int32_t Distribution::id(int64_t i) const {
  if (candidates_.empty()) return static_cast<int32_t>(i);
  return candidates_[static_cast<size_t>(i)].id;
}

int32_t Distribution::At(double u) const {
  HYPR_CHECK(!weights_.empty());
  const double target = u * total_;
  double sum = 0;
  for (int64_t i = 0; i < size(); ++i) {
    sum += weight(i);
    if (target < sum) return id(i);
  }
  return id(size() - 1);
}

}  // namespace hyprstream::engine
