#include "engine/event_channel.h"

namespace hyprstream::engine {

void EventChannel::Push(GenerationEvent event) {
  std::shared_ptr<const std::function<void()>> ready;
  {
    const std::lock_guard lock(mutex_);
    events_.Push(std::move(event));
    if (std::exchange(awaited_, false)) ready = ready_;
  }
  arrived_.notify_one();
  if (ready) (*ready)();
}

std::optional<GenerationEvent> EventChannel::Next() {
  std::unique_lock lock(mutex_);
  if (finished_) return std::nullopt;
  arrived_.wait(lock, [this] { return !events_.empty(); });
  return TakeLocked();
}

std::optional<GenerationEvent> EventChannel::NextUntil(
    std::chrono::steady_clock::time_point deadline) {
  std::unique_lock lock(mutex_);
  if (finished_) return std::nullopt;
  if (!arrived_.wait_until(lock, deadline, [this] { return !events_.empty(); })) {
    return std::nullopt;
  }
  return TakeLocked();
}

std::optional<GenerationEvent> EventChannel::TryNext() {
  const std::lock_guard lock(mutex_);
  if (finished_) return std::nullopt;
  awaited_ = events_.empty();
  if (awaited_) return std::nullopt;
  return TakeLocked();
}

void EventChannel::WhenReady(std::function<void()> ready) {
  auto shared = std::make_shared<const std::function<void()>>(std::move(ready));
  const std::lock_guard lock(mutex_);
  ready_ = std::move(shared);
}

bool EventChannel::finished() const {
  const std::lock_guard lock(mutex_);
  return finished_;
}

GenerationEvent EventChannel::TakeLocked() {
  GenerationEvent event = events_.Pop();
  finished_ = std::holds_alternative<Finished>(event);
  return event;
}

}  // namespace hyprstream::engine
