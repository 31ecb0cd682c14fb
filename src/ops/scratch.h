// Memory that lives for one step: a stack of aligned blocks that only grows, so that a warm engine
// allocates nothing per token. One thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace hyprstream::ops {

class Scratch {
 public:
  /// Everything allocated after construction of a Frame is free again when it ends.
  class Frame {
   public:
    explicit Frame(Scratch& scratch)
        : scratch_(scratch), block_(scratch.block_), used_(scratch.used_) {}
    ~Frame() {
      scratch_.block_ = block_;
      scratch_.used_ = used_;
    }
    Frame(const Frame&) = delete;
    Frame& operator=(const Frame&) = delete;

   private:
    Scratch& scratch_;
    size_t block_;
    size_t used_;
  };

  /// Uninitialised, 64-byte aligned.
  template <typename T>
  std::span<T> Allocate(int64_t count) {
    return {reinterpret_cast<T*>(AllocateBytes(static_cast<size_t>(count) * sizeof(T))),
            static_cast<size_t>(count)};
  }
  Matrix AllocateMatrix(int64_t rows, int64_t cols) {
    return {Allocate<float>(rows * cols).data(), rows, cols, cols};
  }

  /// Bytes held from the system.
  size_t held() const;

 private:
  std::byte* AllocateBytes(size_t bytes);

  std::vector<AlignedBuffer> blocks_;
  size_t block_ = 0;  // index of the block in use
  size_t used_ = 0;   // bytes used in it
};

}  // namespace hyprstream::ops
