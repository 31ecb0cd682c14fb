// What the teacher said at the targets of samples that come again and again: rehearsals are
// replayed several times in a run, and the base never changes, so its forward pass is needed once
// for each. A row's bits do not depend on what it is computed with, so remembering changes no bit.
// One thread.
#pragma once

#include <span>
#include <unordered_map>
#include <vector>

#include "base/memory_budget.h"
#include "tensor/tensor.h"
#include "training/sample.h"

namespace hyprstream::training {

class TeacherMemory {
 public:
  /// Holds no more than `most`; what does not fit is computed each time.
  explicit TeacherMemory(Bytes most) : left_(most.value) {}

  /// The samples' hidden rows one after the other, into `out` [targets of them all, hidden]. False,
  /// with `out` as it was, when one of them is not remembered.
  bool Recall(std::span<const Sample* const> samples, Matrix out) const;
  /// `hidden` as Recall would give it. The samples must stay where and as they are.
  void Keep(std::span<const Sample* const> samples, ConstMatrix hidden);

 private:
  std::unordered_map<const Sample*, std::vector<float>> rows_;
  uint64_t left_;
};

}  // namespace hyprstream::training
