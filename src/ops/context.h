// What an operation needs besides its operands: the threads it may use and the instruction set it
// was told to use. Owned by the engine, handed down; not shared between two running operations.
#pragma once

#include <functional>

#include "base/thread_pool.h"
#include "kernels/cpu/isa.h"
#include "ops/scratch.h"

namespace hyprstream::ops {

struct Context {
  ThreadPool& pool;
  kernels::Isa isa;
  Scratch& scratch;
  /// Whoever lent the threads may want them back for a while. Long work, which is training, calls
  /// Pause between two of its products, on the caller's thread and while nothing runs on the pool.
  /// It may wait, and it may throw to end the work.
  std::function<void()> pause = {};

  void Pause() const {
    if (pause) pause();
  }
};

}  // namespace hyprstream::ops
