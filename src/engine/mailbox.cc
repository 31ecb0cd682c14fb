#include "engine/mailbox.h"

#include <utility>

namespace hyprstream::engine {

void Mailbox::Submit(std::unique_ptr<Sequence> sequence) {
  {
    const std::lock_guard lock(mutex_);
    sequence->arrival = arrivals_++;
    sequences_.push_back(std::move(sequence));
  }
  arrived_.notify_one();
}

void Mailbox::Poke() {
  {
    const std::lock_guard lock(mutex_);
    poked_ = true;
  }
  arrived_.notify_one();
}

void Mailbox::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  arrived_.notify_one();
}

Mailbox::Mail Mailbox::Take(Patience patience) {
  std::unique_lock lock(mutex_);
  if (patience == Patience::kWait) {
    arrived_.wait(lock, [this] { return HasMailLocked(); });
  }
  poked_ = false;
  return {.arrived = std::exchange(sequences_, {}), .stop = stop_};
}

bool Mailbox::HasMail() const {
  const std::lock_guard lock(mutex_);
  return HasMailLocked();
}

int64_t Mailbox::unread() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int64_t>(sequences_.size());
}

}  // namespace hyprstream::engine
