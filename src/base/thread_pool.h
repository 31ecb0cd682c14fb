// A fixed team of threads for numeric work. Run() executes one function on every member, the caller
// included, and returns when all have finished. Workers spin briefly between calls (one decode step
// makes hundreds of them) and then sleep. One caller at a time: the engine thread owns the pool.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
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

  /// Calls body(thread_index) once on every member. The body must not throw and must not call Run.
  template <typename Body>
  void Run(Body&& body) {
    using Plain = std::remove_reference_t<Body>;
    RunErased([](void* context, int thread) { (*static_cast<Plain*>(context))(thread); },
              const_cast<std::remove_const_t<Plain>*>(&body));
  }

  /// Calls body(begin, end, thread_index) on contiguous parts of [0, count). Part borders are
  /// multiples of `grain`, so a kernel's tiles are the same with any number of threads.
  template <typename Body>
  void ParallelFor(int64_t count, int64_t grain, Body&& body) {
    const int64_t units = (count + grain - 1) / grain;
    const int team = threads();
    if (team == 1 || units <= 1) {
      if (count > 0) body(int64_t{0}, count, 0);
      return;
    }
    Run([&](int thread) {
      const int64_t begin = units * thread / team * grain;
      const int64_t limit = units * (thread + 1) / team * grain;
      const int64_t end = limit < count ? limit : count;
      if (begin < end) body(begin, end, thread);
    });
  }

 private:
  using Function = void (*)(void*, int);
  void RunErased(Function function, void* context);
  void WorkerLoop(int index);

  std::vector<std::thread> workers_;
  std::mutex mutex_;  // guards sleeping; the fields below are published through generation_
  std::condition_variable wake_;
  std::atomic<uint64_t> generation_{0};
  std::atomic<int> running_{0};
  std::atomic<int> sleeping_{0};
  std::atomic<bool> stopping_{false};
  Function function_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace hyprstream
