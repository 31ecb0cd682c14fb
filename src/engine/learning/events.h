// What learning tells whoever watches: steps, promotions, rejections, loads, failures. Everybody
// who subscribed gets every event through a queue of their own; who reads too slowly loses the
// oldest ones and learns how many. Thread-safe.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hyprstream::engine {

enum class LearningEventKind { kTrainingStep, kPromotion, kRejection, kLoad, kError };
/// "training_step", "promotion", "rejection", "load", "error".
std::string_view LearningEventKindName(LearningEventKind kind);

struct LearningEvent {
  LearningEventKind kind = LearningEventKind::kTrainingStep;
  std::string adapter = {};
  int64_t version = 0;              // what it is about; of a step, the version it began from
  int64_t burst = 0;                // of the adapter
  int64_t step = 0;                 // of the burst, counted from 1
  int64_t steps = 0;                // of a step: how many the burst has
  std::optional<double> loss = {};  // of a step's batch; of a judged version, on held-out samples
  std::optional<double> heldout_loss = {};  // of a step after which held-out samples were looked at
  std::optional<double> loss_before = {};   // of a judged version: of the one it began from
  std::optional<double> general_loss = {};  // of a judged version
  std::optional<double> general_before = {};  // the same of the one it began from
  std::optional<double> learning_rate = {};
  std::optional<double> sparsity = {};              // recounted
  std::string message = {};                         // why; what failed
  std::chrono::system_clock::time_point time = {};  // set by Publish
};

class EventSubscription {
 public:
  /// Blocks; nothing at the deadline.
  std::optional<LearningEvent> NextUntil(std::chrono::steady_clock::time_point deadline);
  /// Nothing when there is none.
  std::optional<LearningEvent> TryNext();
  /// Events that were dropped because the queue was full.
  int64_t missed() const;

 private:
  friend class EventFeed;
  EventSubscription(size_t capacity, std::function<void()> arrived)
      : capacity_(capacity), arrived_(std::move(arrived)) {}
  void Push(const LearningEvent& event);
  std::optional<LearningEvent> TakeLocked();

  const size_t capacity_;
  const std::function<void()> arrived_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<LearningEvent> events_;  // guarded by mutex_
  int64_t missed_ = 0;                // guarded by mutex_
};

class EventFeed {
 public:
  /// Ends when the subscription is dropped. `arrived` is called after each event by the publishing
  /// thread and must return at once.
  std::shared_ptr<EventSubscription> Subscribe(size_t capacity = 1024,
                                               std::function<void()> arrived = {});
  void Publish(LearningEvent event);

 private:
  std::mutex mutex_;
  std::vector<std::weak_ptr<EventSubscription>> subscriptions_;  // guarded by mutex_
};

}  // namespace hyprstream::engine
