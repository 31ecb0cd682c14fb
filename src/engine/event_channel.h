// The road between the engine thread and one request's consumer: events one way, the wish to cancel
// the other. Shared by both ends, so either may go first. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "engine/request.h"
#include "engine/ring_queue.h"

namespace hyprstream::engine {

class EventChannel {
 public:
  /// Engine's end. Nothing follows a Finished.
  void Push(GenerationEvent event);
  bool cancelled() const { return cancelled_.load(std::memory_order_acquire); }

  /// Consumer's end. Nothing after Finished, or at the deadline.
  std::optional<GenerationEvent> Next();
  std::optional<GenerationEvent> NextUntil(std::chrono::steady_clock::time_point deadline);
  /// What is there now. When that is nothing, the next Push calls what WhenReady was given.
  std::optional<GenerationEvent> TryNext();
  void WhenReady(std::function<void()> ready);
  /// Finished has been taken.
  bool finished() const;
  void Cancel() { cancelled_.store(true, std::memory_order_release); }

 private:
  GenerationEvent TakeLocked();

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  RingQueue<GenerationEvent> events_;  // guarded by mutex_
  bool finished_ = false;              // guarded by mutex_
  bool awaited_ = false;               // guarded by mutex_: TryNext has found nothing
  std::shared_ptr<const std::function<void()>> ready_;  // guarded by mutex_
  std::atomic<bool> cancelled_{false};
};

}  // namespace hyprstream::engine
