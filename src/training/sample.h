// What is trained on: one token sequence with the tokens that count as targets.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hyprstream::training {

/// The label of a position that is no target.
inline constexpr int32_t kIgnoredLabel = -100;

struct Sample {
  std::vector<int32_t> ids;
  std::vector<int32_t> labels;  // as long as ids; labels[t] is predicted from ids before t
  float weight = 1.0f;          // of its targets in the loss's mean
};

/// Positions t > 0 with a label.
int64_t CountTargets(const Sample& sample);
/// Of every sample.
std::vector<double> TargetCounts(std::span<const Sample> samples);

/// Errors: kInvalidArgument naming the fault: lengths that differ, fewer than two tokens, more than
/// `context`, an id or label beyond the vocabulary, no target, a weight that is not positive.
void CheckSample(const Sample& sample, int64_t vocab_size, int64_t context);

}  // namespace hyprstream::training
