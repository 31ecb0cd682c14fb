#include "engine/turns.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace hyprstream::engine {
namespace {

constexpr int kSeldom = 25;                       // steps between turns: one in twenty-five
constexpr std::chrono::milliseconds kUnseen{40};  // a pause between two tokens that nobody sees

}  // namespace

Turns::Turns(ThreadPool& threads, Mailbox& mailbox, Options options)
    : threads_(threads), mailbox_(mailbox), options_(std::move(options)) {}

void Turns::Enter() {
  {
    const std::lock_guard lock(mutex_);
    HYPR_CHECK(!wanted_);
    wanted_ = true;
  }
  mailbox_.Poke();
  std::unique_lock lock(mutex_);
  AwaitTurn(lock);
}

void Turns::AwaitTurn(std::unique_lock<std::mutex>& lock) {
  changed_.wait(lock, [this] { return closed_ || interrupted_ || holder_ == Holder::kBorrower; });
  if (closed_ || holder_ == Holder::kEngine) {
    wanted_ = false;
    throw Error(ErrorCode::kCancelled,
                {.message = closed_ ? "the engine has ended" : "waiting for a turn was ended"});
  }
  slice_begin_ = options_.now();
}

bool Turns::Over(Clock::time_point now) const {
  if (idle_) return mailbox_.HasMail();
  return now - begin_ + typical_ > credit_;
}

void Turns::Pause() {
  const Clock::time_point now = options_.now();
  const Duration slice = now - slice_begin_;
  typical_ = lent_.slices == 0 ? slice : (7 * typical_ + slice) / 8;
  ++lent_.slices;
  computed_ += slice;
  if (!Over(now)) {
    slice_begin_ = now;
    return;
  }
  std::unique_lock lock(mutex_);
  holder_ = Holder::kEngine;
  changed_.notify_all();
  AwaitTurn(lock);
}

void Turns::Leave() {
  computed_ += options_.now() - slice_begin_;
  const std::lock_guard lock(mutex_);
  wanted_ = false;
  holder_ = Holder::kEngine;
  changed_.notify_all();
}

void Turns::Interrupt() {
  const std::lock_guard lock(mutex_);
  interrupted_ = true;
  changed_.notify_all();
}

void Turns::Reset() {
  const std::lock_guard lock(mutex_);
  interrupted_ = false;
}

bool Turns::wanted() const {
  const std::lock_guard lock(mutex_);
  return wanted_;
}

void Turns::Lend() {
  begin_ = options_.now();
  std::unique_lock lock(mutex_);
  if (!wanted_) return;
  holder_ = Holder::kBorrower;
  changed_.notify_all();
  changed_.wait(lock, [this] { return holder_ == Holder::kEngine; });
}

void Turns::LendIdle() {
  idle_ = true;
  Lend();
  lent_.idle += options_.now() - begin_;
  credit_ = {};
}

// What is to be collected before a turn. A slice that a step has earned may follow any step. Longer
// ones come many together after few steps (of those the next one is slower too: caches have been
// used by others), so that most tokens come as if nobody trained; where that would be a pause that
// one sees, they come one by one.
Turns::Duration Turns::Goal(Duration earned) const {
  if (typical_ <= earned || kSeldom * earned > kUnseen) return typical_;
  return std::max(typical_, std::min<Duration>(2 * kSeldom * earned, kUnseen));
}

void Turns::LendShare(Duration busy) {
  const auto earned = std::chrono::duration_cast<Duration>(
      std::chrono::duration<double, std::nano>(busy) * (options_.share / (1.0 - options_.share)));
  const Duration usual = std::min(earned, std::exchange(earned_, earned));
  const Duration goal = Goal(usual);
  // What nobody uses, or a long step has earned, does not pile up to a long pause.
  credit_ = std::min(credit_ + earned, usual + goal);
  if (credit_ <= Duration{} || credit_ < goal || !wanted()) return;
  idle_ = false;
  Lend();
  const Duration lent = options_.now() - begin_;
  lent_.shared += lent;
  credit_ -= lent;
}

void Turns::Close() {
  const std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

}  // namespace hyprstream::engine
