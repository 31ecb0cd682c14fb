// A fixed team of threads for numeric work. Share() offers one function to every member, the caller
// included, and returns when those who took part have finished: a worker that the system has put
// aside for another program delays nobody. Workers spin briefly between calls (one decode step
// makes hundreds of them) and then sleep. One caller at a time: the engine thread owns the pool.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace hyprstream {

/// Number of processors this process may run on.
int AvailableProcessors();

class ThreadPool {
 public:
  /// `threads` counts the caller: 1 means no worker is started. 0 means AvailableProcessors().
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Calls body(thread_index) once on every member. The body must not throw and must not call Run,
  /// Share or ParallelFor.
  template <typename Body>
  void Run(Body&& body) {
    Start(body, Attendance::kAll);
  }

  /// Calls body(thread_index) once on the caller and on every worker that comes before the caller
  /// has returned from it: bodies claim pieces of the work until none is left. Otherwise like Run.
  template <typename Body>
  void Share(Body&& body) {
    Start(body, Attendance::kWhoComes);
  }

  /// Calls body(begin, end, thread_index) on contiguous parts of [0, count), one for each member if
  /// all come. Part borders are multiples of `grain`, so a kernel's tiles are the same with any
  /// number of threads.
  template <typename Body>
  void ParallelFor(int64_t count, int64_t grain, Body&& body) {
    const int64_t units = (count + grain - 1) / grain;
    const int team = threads();
    if (team == 1 || units <= 1) {
      if (count > 0) body(int64_t{0}, count, 0);
      return;
    }
    std::atomic<int> next{0};
    Share([&](int thread) {
      for (int part; (part = next.fetch_add(1, std::memory_order_relaxed)) < team;) {
        const int64_t begin = units * part / team * grain;
        const int64_t limit = units * (part + 1) / team * grain;
        const int64_t end = limit < count ? limit : count;
        if (begin < end) body(begin, end, thread);
      }
    });
  }

 private:
  using Function = void (*)(void*, int);
  enum class Attendance { kAll, kWhoComes };

  // gate_: the call's number in the high half; below it whether workers may still join, and how
  // many have.
  static constexpr uint64_t kNextCall = uint64_t{1} << 32;
  static constexpr uint64_t kClosed = uint64_t{1} << 31;
  static constexpr uint64_t kJoined = kClosed - 1;

  template <typename Body>
  void Start(Body& body, Attendance attendance) {
    using Plain = std::remove_const_t<Body>;
    RunErased([](void* context, int thread) { (*static_cast<Plain*>(context))(thread); },
              const_cast<Plain*>(&body), attendance);
  }
  void RunErased(Function function, void* context, Attendance attendance);
  void Open();
  void AwaitFinished(uint64_t count);
  bool IsOpen(uint64_t last_call) const;
  bool Join(uint64_t& last_call);
  void Finish();
  void WorkerLoop(int index);

  std::vector<std::thread> workers_;
  std::mutex mutex_;              // only for falling asleep and waking
  std::condition_variable wake_;  // workers
  std::condition_variable done_;  // the caller
  // Published by opening the gate.
  Function function_ = nullptr;
  void* context_ = nullptr;
  // A cache line each: workers watch the first, the caller the second.
  alignas(64) std::atomic<uint64_t> gate_{kClosed};
  alignas(64) std::atomic<uint64_t> finished_{0};
  alignas(64) std::atomic<int> sleeping_{0};
  std::atomic<bool> caller_sleeps_{false};
  std::atomic<bool> stopping_{false};
};

}  // namespace hyprstream
