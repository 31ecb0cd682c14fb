#include "training/sample.h"

#include <cmath>
#include <string>

#include "base/error.h"

namespace hyprstream::training {
namespace {

[[noreturn]] void Refuse(std::string message, std::string expected, std::string found) {
  throw Error(
      ErrorCode::kInvalidArgument,
      {.message = std::move(message), .expected = std::move(expected), .found = std::move(found)});
}

}  // namespace

int64_t CountTargets(const Sample& sample) {
  int64_t targets = 0;
  for (size_t t = 1; t < sample.labels.size(); ++t) targets += sample.labels[t] != kIgnoredLabel;
  return targets;
}

std::vector<double> TargetCounts(std::span<const Sample> samples) {
  std::vector<double> counts;
  for (const Sample& sample : samples) counts.push_back(static_cast<double>(CountTargets(sample)));
  return counts;
}

void CheckSample(const Sample& sample, int64_t vocab_size, int64_t context) {
  const auto length = static_cast<int64_t>(sample.ids.size());
  if (sample.labels.size() != sample.ids.size()) {
    Refuse("a sample's ids and labels differ in length", std::to_string(length) + " labels",
           std::to_string(sample.labels.size()));
  }
  if (length < 2) Refuse("a sample is too short", "at least 2 tokens", std::to_string(length));
  if (length > context) {
    Refuse("a sample is longer than the context", "at most " + std::to_string(context) + " tokens",
           std::to_string(length));
  }
  const std::string range = "0 to " + std::to_string(vocab_size - 1);
  for (size_t t = 0; t < sample.ids.size(); ++t) {
    const int32_t id = sample.ids[t];
    const int32_t label = sample.labels[t];
    if (id < 0 || id >= vocab_size) {
      Refuse("a sample's token id is not in the vocabulary", range, std::to_string(id));
    }
    if (label != kIgnoredLabel && (label < 0 || label >= vocab_size)) {
      Refuse("a sample's label is not in the vocabulary", range + ", or -100 for none",
             std::to_string(label));
    }
  }
  if (CountTargets(sample) == 0) {
    Refuse("a sample has nothing to learn", "at least one label that is not -100", "none");
  }
  if (!(sample.weight > 0.0f) || !std::isfinite(sample.weight)) {
    Refuse("a sample's weight is out of range", "a positive number", std::to_string(sample.weight));
  }
}

}  // namespace hyprstream::training
