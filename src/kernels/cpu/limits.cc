#include "kernels/cpu/limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

#include "tensor/tensor.h"

namespace hyprstream::kernels {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

const LimitKernels& KernelsFor(Isa isa) {
  switch (isa) {
#if defined(__x86_64__)
    case Isa::kAvx512:
      return internal::kLimitsAvx512;
    case Isa::kAvx2:
      return internal::kLimitsAvx2;
#endif
    default:
      return internal::kLimitsScalar;
  }
}

constexpr int kRuns = 400;

// The best of several short runs: what the machine can do when left alone.
template <class Body>
double BestRate(ThreadPool& pool, int runs, double work_per_thread, Body body) {
  double best = 0;
  for (int run = 0; run < runs; ++run) {
    const auto start = Clock::now();
    pool.Run(body);
    best = std::max(best, work_per_thread * pool.threads() / SecondsSince(start));
  }
  return best;
}

double ArithmeticRate(ThreadPool& pool, const LimitKernels::Loop& loop) {
  if (loop.run == nullptr) return 0;
  constexpr long kRounds = 50'000;
  std::atomic<float> sink{0};
  return BestRate(pool, kRuns, loop.operations * kRounds,
                  [&](int) { sink.store(loop.run(kRounds), std::memory_order_relaxed); });
}

constexpr long kWindow = 4L << 20;

}  // namespace

// Windows of a large buffer in turn: each has left the caches when its turn comes again.
struct ReadLimit::Impl {
  ThreadPool& pool;
  const LimitKernels& kernels;
  long windows;
  long turn = 0;
  std::vector<AlignedBuffer> parts;  // one per thread
};

ReadLimit::ReadLimit(ThreadPool& pool, Isa isa) {
  constexpr long kBytesInAll = 512L << 20;
  const long windows = std::max(kBytesInAll / pool.threads() / kWindow, 1L);
  impl_ = std::make_unique<Impl>(
      Impl{.pool = pool, .kernels = KernelsFor(isa), .windows = windows, .parts = {}});
  impl_->parts.resize(static_cast<size_t>(pool.threads()));
  pool.Run([&](int thread) {
    impl_->parts[static_cast<size_t>(thread)] =
        AlignedBuffer(static_cast<size_t>(windows * kWindow));
  });
}

ReadLimit::~ReadLimit() = default;

double ReadLimit::Measure(int windows) {
  std::atomic<float> sink{0};
  std::atomic<long> calls{impl_->turn * impl_->pool.threads()};
  impl_->turn += windows;
  return BestRate(impl_->pool, windows, static_cast<double>(kWindow), [&](int thread) {
    const long window = calls.fetch_add(1) / impl_->pool.threads() % impl_->windows;
    const std::byte* data = impl_->parts[static_cast<size_t>(thread)].data() + window * kWindow;
    sink.store(impl_->kernels.read(data, kWindow), std::memory_order_relaxed);
  });
}

MachineLimits MeasureLimits(ThreadPool& pool, Isa isa) {
  const LimitKernels& kernels = KernelsFor(isa);
  MachineLimits limits;
  limits.read_bytes_per_second = ReadLimit(pool, isa).Measure(kRuns);
  limits.f32_flops_per_second = ArithmeticRate(pool, kernels.f32);
  limits.bf16_flops_per_second = ArithmeticRate(pool, kernels.bf16);
  limits.int8_ops_per_second = ArithmeticRate(pool, kernels.int8);
  return limits;
}

}  // namespace hyprstream::kernels
