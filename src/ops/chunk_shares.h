// Chunks of one operation, shared out so that each thread goes through neighbouring ones: what lies
// behind a chunk, and has been fetched ahead, is what its thread wants next. A thread that has done
// its own takes the last ones of others, so one that is held up, or never comes, delays nobody.
// Next() may be called by every thread at once.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "ops/scratch.h"

namespace hyprstream::ops {

class ChunkShares {
 public:
  /// Chunks [0, chunks), fewer than 2³², for `threads` threads; lives as long as scratch's frame.
  ChunkShares(Scratch& scratch, int64_t chunks, int threads)
      : shares_(scratch.Allocate<Share>(threads).data()), threads_(threads) {
    for (int t = 0; t < threads; ++t) {
      std::construct_at(&shares_[t], Pack(chunks * t / threads, chunks * (t + 1) / threads));
    }
  }

  /// The next chunk for this thread; none when all are taken.
  std::optional<int64_t> Next(int thread) {
    if (const auto own = Take(shares_[thread], End::kFirst)) return own;
    for (int i = 1; i < threads_; ++i) {
      if (const auto other = Take(shares_[(thread + i) % threads_], End::kLast)) return other;
    }
    return std::nullopt;
  }

 private:
  enum class End { kFirst, kLast };
  /// What is left of a thread's chunks: the first in the low half, the end in the high half.
  struct alignas(64) Share {
    explicit Share(uint64_t range) : left(range) {}
    std::atomic<uint64_t> left;
  };

  static uint64_t Pack(int64_t begin, int64_t end) {
    return static_cast<uint64_t>(end) << 32 | static_cast<uint64_t>(begin);
  }
  static std::optional<int64_t> Take(Share& share, End from) {
    uint64_t left = share.left.load(std::memory_order_relaxed);
    while (true) {
      const auto begin = static_cast<int64_t>(left & UINT32_MAX);
      const auto end = static_cast<int64_t>(left >> 32);
      if (begin >= end) return std::nullopt;
      const bool first = from == End::kFirst;
      const uint64_t rest = first ? Pack(begin + 1, end) : Pack(begin, end - 1);
      if (share.left.compare_exchange_weak(left, rest, std::memory_order_relaxed)) {
        return first ? begin : end - 1;
      }
    }
  }

  Share* shares_;
  int threads_;
};

}  // namespace hyprstream::ops
