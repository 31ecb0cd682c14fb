// A counter-based generator: the n-th number of a seed is a function of (seed, n) alone, so a
// sequence draws the same numbers alone, in a batch and after being computed again. SplitMix64
// (Steele, Lea & Flood 2014) with the seed mixed once before use. A value type.
#pragma once

#include <cstdint>

namespace hyprstream {

class CounterRandom {
 public:
  explicit CounterRandom(uint64_t seed) : key_(Mix(seed)) {}

  uint64_t Bits(uint64_t n) const { return Mix(key_ + (n + 1) * 0x9e3779b97f4a7c15u); }
  /// In [0, 1), a multiple of 2^-53.
  double Uniform(uint64_t n) const { return static_cast<double>(Bits(n) >> 11) * 0x1p-53; }

 private:
  static constexpr uint64_t Mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }

  uint64_t key_;
};

}  // namespace hyprstream
