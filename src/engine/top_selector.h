// Finds the largest entries of a long row of logits without sorting it: the maximum of every block
// of 128 is taken once; the n-th largest block maximum bounds the n-th largest entry from below, so
// only blocks that reach it are looked at again. Keeps its buffers between rows; one thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace hyprstream::engine {

struct Candidate {
  int32_t id = 0;
  float logit = 0;
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

class TopSelector {
 public:
  /// Reads the row once. The row must stay alive and unchanged while Largest is called.
  void Scan(std::span<const float> row);

  /// False when the row holds a NaN, +inf, or nothing above −inf.
  bool usable() const { return usable_; }
  float largest() const { return largest_; }
  std::span<const float> row() const { return row_; }

  /// The min(count, row size) largest, largest first; among equals the lower id first. Valid until
  /// the next call. Only for a usable row.
  std::span<const Candidate> Largest(int64_t count);

 private:
  /// A value that at least `count` entries reach.
  float LowerBound(size_t count);

  std::span<const float> row_;
  std::vector<float> block_max_;
  std::vector<float> ordered_max_;
  std::vector<Candidate> found_;
  float largest_ = 0;
  bool usable_ = false;
};

}  // namespace hyprstream::engine
