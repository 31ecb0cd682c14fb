#include "base/thread_pool.h"

#include <sched.h>

#include "base/error.h"

namespace hyprstream {
namespace {

// About 20–50 µs: longer than the gap between two operations of a decode step.
constexpr int kSpins = 4000;

inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

template <typename Condition>
bool SpinUntil(Condition condition) {
  for (int spins = 0; spins < kSpins; ++spins) {
    if (condition()) return true;
    Pause();
  }
  return false;
}

}  // namespace

int AvailableProcessors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
  const unsigned count = std::thread::hardware_concurrency();
  return count == 0 ? 1 : static_cast<int>(count);
}

ThreadPool::ThreadPool(int threads) {
  HYPR_CHECK(threads >= 0);
  const int team = threads == 0 ? AvailableProcessors() : threads;
  workers_.reserve(static_cast<size_t>(team - 1));
  for (int i = 1; i < team; ++i) workers_.emplace_back([this, i] { WorkerLoop(i); });
}

ThreadPool::~ThreadPool() {
  stopping_.store(true);
  Open();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::RunErased(Function function, void* context, Attendance attendance) {
  if (workers_.empty()) {
    function(context, 0);
    return;
  }
  function_ = function;
  context_ = context;
  finished_.store(0, std::memory_order_relaxed);
  Open();
  function(context, 0);
  if (attendance == Attendance::kAll) AwaitFinished(workers_.size());
  AwaitFinished(gate_.fetch_or(kClosed, std::memory_order_acq_rel) & kJoined);
}

void ThreadPool::Open() {
  const uint64_t gate = gate_.load(std::memory_order_relaxed);
  // Sequentially consistent with the sleeper's check of gate_ after it announced itself: either it
  // sees the gate open, or we see it sleeping.
  gate_.store((gate & ~(kNextCall - 1)) + kNextCall, std::memory_order_seq_cst);
  if (sleeping_.load(std::memory_order_seq_cst) > 0) {
    { const std::lock_guard lock(mutex_); }
    wake_.notify_all();
  }
}

// A worker that does not come back in time is not running: sleep, so that it finds a processor.
void ThreadPool::AwaitFinished(uint64_t count) {
  if (SpinUntil([&] { return finished_.load(std::memory_order_acquire) == count; })) return;
  std::unique_lock lock(mutex_);
  caller_sleeps_.store(true, std::memory_order_seq_cst);
  done_.wait(lock, [&] { return finished_.load(std::memory_order_seq_cst) == count; });
  caller_sleeps_.store(false, std::memory_order_relaxed);
}

bool ThreadPool::IsOpen(uint64_t last_call) const {
  const uint64_t gate = gate_.load(std::memory_order_seq_cst);
  return (gate & kClosed) == 0 && gate / kNextCall != last_call;
}

bool ThreadPool::Join(uint64_t& last_call) {
  uint64_t gate = gate_.load(std::memory_order_acquire);
  while ((gate & kClosed) == 0 && gate / kNextCall != last_call) {
    if (gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acq_rel,
                                    std::memory_order_acquire)) {
      last_call = gate / kNextCall;
      return true;
    }
  }
  return false;
}

void ThreadPool::Finish() {
  finished_.fetch_add(1, std::memory_order_seq_cst);
  if (caller_sleeps_.load(std::memory_order_seq_cst)) {
    { const std::lock_guard lock(mutex_); }
    done_.notify_one();
  }
}

void ThreadPool::WorkerLoop(int index) {
  uint64_t last_call = 0;
  while (true) {
    if (!SpinUntil([&] { return IsOpen(last_call); })) {
      std::unique_lock lock(mutex_);
      sleeping_.fetch_add(1, std::memory_order_seq_cst);
      wake_.wait(lock, [&] { return IsOpen(last_call); });
      sleeping_.fetch_sub(1, std::memory_order_relaxed);
    }
    if (!Join(last_call)) continue;
    if (stopping_.load()) return;
    function_(context_, index);
    Finish();
  }
}

}  // namespace hyprstream
