// What a token is drawn from: the candidates left after temperature, top-k, top-p and min-p, with
// unnormalised probabilities relative to the largest. Built from a scanned row; buffers are kept
// between rows; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/sampling.h"
#include "engine/top_selector.h"

namespace hyprstream::engine {

class Distribution {
 public:
  /// `row` must be usable and is borrowed until the next Build; params.temperature > 0.
  /// top-k keeps exactly k (lower ids first among equals); top-p keeps the shortest run of the most
  /// probable whose sum reaches top_p of what top-k left (Holtzman et al. 2020); min-p drops what
  /// is below min_p times the most probable.
  void Build(TopSelector& row, const SamplingParams& params);

  int64_t size() const { return static_cast<int64_t>(weights_.size()); }
  /// Most probable first when anything was cut off, else by id.
  int32_t id(int64_t i) const;
  double weight(int64_t i) const { return weights_[static_cast<size_t>(i)]; }
  double total() const { return total_; }

  /// Inverse of the cumulative distribution at u in [0, 1).
  int32_t At(double u) const;

 private:
  void KeepAll(const TopSelector& row, double inverse_temperature);
  void WeighCandidates(std::span<const Candidate> sorted, float largest,
                       double inverse_temperature);
  void CutTopP(double whole, float top_p);
  void CutMinP(float min_p);

  std::span<const Candidate> candidates_;  // empty: every id, in order
  std::vector<double> weights_;
  double total_ = 0;
};

}  // namespace hyprstream::engine
