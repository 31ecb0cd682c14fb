// What this machine can do at most: loops without memory for arithmetic, a plain read for memory.
// Every performance figure is given as a share of these, measured in the same run.
#pragma once

#include <memory>

#include "base/thread_pool.h"
#include "kernels/cpu/isa.h"

namespace hyprstream::kernels {

/// All threads of the pool together. Zero where the instruction set has no such instruction and the
/// work is done by another one.
struct MachineLimits {
  double read_bytes_per_second = 0;
  double f32_flops_per_second = 0;  // multiply-adds count as two
  double bf16_flops_per_second = 0;
  double int8_ops_per_second = 0;
};

/// Takes about a second and 512 MiB for its time. Errors: std::bad_alloc.
MachineLimits MeasureLimits(ThreadPool& pool, Isa isa);

/// The read limit alone, to be taken again between the runs of a benchmark: on a shared machine it
/// moves. Keeps 512 MiB. Errors: std::bad_alloc.
class ReadLimit {
 public:
  /// The pool is the caller's and outlives this.
  ReadLimit(ThreadPool& pool, Isa isa);
  ~ReadLimit();
  /// Bytes per second of all threads together: the best of `windows` reads of 4 MiB a thread.
  double Measure(int windows);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Loops of one instruction set. Each does `rounds` rounds and returns something of the result, so
/// that it is computed; kOperations per round.
struct LimitKernels {
  struct Loop {
    float (*run)(long rounds) = nullptr;
    double operations = 0;  // per round
  };
  float (*read)(const void* begin, long bytes);  // a multiple of 1024 bytes
  Loop f32;
  Loop bf16;
  Loop int8;
};

namespace internal {
extern const LimitKernels kLimitsScalar;
extern const LimitKernels kLimitsAvx2;
extern const LimitKernels kLimitsAvx512;
}  // namespace internal

}  // namespace hyprstream::kernels
