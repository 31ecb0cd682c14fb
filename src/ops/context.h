// What an operation needs besides its operands: the threads it may use and the instruction set it
// was told to use. Owned by the engine, handed down; not shared between two running operations.
#pragma once

#include "base/thread_pool.h"
#include "kernels/cpu/isa.h"
#include "ops/scratch.h"

namespace hyprstream::ops {

struct Context {
  ThreadPool& pool;
  kernels::Isa isa;
  Scratch& scratch;
};

}  // namespace hyprstream::ops
