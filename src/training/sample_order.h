// In which order samples are drawn: each epoch a fresh permutation, the n-th draw a function of
// (seed, count, n) alone, so that a run can be repeated and resumed at any step. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hyprstream::training {

class SampleOrder {
 public:
  /// `count` > 0 samples.
  SampleOrder(size_t count, uint64_t seed);

  /// Index of the n-th sample drawn, n from 0. Going through n in order shuffles once an epoch.
  size_t At(uint64_t n);

 private:
  void Shuffle(uint64_t epoch);

  const uint64_t seed_;
  uint64_t epoch_;
  std::vector<size_t> permutation_;
};

}  // namespace hyprstream::training
