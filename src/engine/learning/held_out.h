// Which of the samples that came are kept aside to judge versions by. A function of the samples
// alone, so that who asks again gets the same answer. What somebody wants learnt should be learnt,
// so samples are preferred whose answer another sample teaches in other words: they measure whether
// that was understood, and nothing is lost. Pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "training/sample.h"

namespace hyprstream::engine {

/// A sample of the journal as it is trained on.
struct Lesson {
  int64_t id = 0;
  bool feedback = false;
  std::vector<training::Sample> samples = {};
};

/// SHA-256 over ids and labels: equal for samples that say the same.
std::string ContentOf(const Lesson& lesson);

struct HeldOutChoice {
  std::vector<size_t> train;     // indices into `fresh`, ascending
  std::vector<size_t> held_out;  // the same; disjoint from train
};

/// Of the samples that a burst takes. A fifth of them at most is held out, chosen by smallest
/// ContentOf: those whose answer is also taught by a sample that is trained on. When there is none,
/// one of the others, or one in ten, if there are five or more. Never feedback, nor what is there
/// twice or is in `trained`.
HeldOutChoice ChooseHeldOut(std::span<const Lesson> fresh, std::span<const Lesson> trained);

/// At most `limit` of what was held out before, by smallest ContentOf, in their order: a uniform
/// draw over all there have been. What has been trained on meanwhile is left out.
std::vector<size_t> Reservoir(std::span<const Lesson> held_out, std::span<const Lesson> trained,
                              size_t limit);

}  // namespace hyprstream::engine
