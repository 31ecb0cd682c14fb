#include "engine/learning/events.h"

#include <utility>

namespace hyprstream::engine {

std::string_view LearningEventKindName(LearningEventKind kind) {
  switch (kind) {
    case LearningEventKind::kTrainingStep:
      return "training_step";
    case LearningEventKind::kPromotion:
      return "promotion";
    case LearningEventKind::kRejection:
      return "rejection";
    case LearningEventKind::kLoad:
      return "load";
    case LearningEventKind::kError:
      return "error";
  }
  return "";
}

std::optional<LearningEvent> EventSubscription::TakeLocked() {
  if (events_.empty()) return std::nullopt;
  LearningEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

std::optional<LearningEvent> EventSubscription::NextUntil(
    std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [this] { return !events_.empty(); });
  return TakeLocked();
}

std::optional<LearningEvent> EventSubscription::TryNext() {
  const std::lock_guard lock(mutex_);
  return TakeLocked();
}

int64_t EventSubscription::missed() const {
  const std::lock_guard lock(mutex_);
  return missed_;
}

void EventSubscription::Push(const LearningEvent& event) {
  {
    const std::lock_guard lock(mutex_);
    if (events_.size() >= capacity_) {
      events_.pop_front();
      ++missed_;
    }
    events_.push_back(event);
  }
  changed_.notify_one();
  if (arrived_) arrived_();
}

std::shared_ptr<EventSubscription> EventFeed::Subscribe(size_t capacity,
                                                        std::function<void()> arrived) {
  // NOLINTNEXTLINE: the constructor is private to this class
  std::shared_ptr<EventSubscription> subscription(
      new EventSubscription(capacity == 0 ? 1 : capacity, std::move(arrived)));
  const std::lock_guard lock(mutex_);
  subscriptions_.push_back(subscription);
  return subscription;
}

void EventFeed::Publish(LearningEvent event) {
  event.time = std::chrono::system_clock::now();
  std::vector<std::shared_ptr<EventSubscription>> listeners;
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(subscriptions_, [](const auto& listener) { return listener.expired(); });
    for (const auto& listener : subscriptions_) {
      if (auto alive = listener.lock()) listeners.push_back(std::move(alive));
    }
  }
  for (const auto& listener : listeners) listener->Push(event);
}

}  // namespace hyprstream::engine
