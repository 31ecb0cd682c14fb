#include "cli/interrupt.h"

#include <atomic>

namespace hyprstream::cli {
namespace {

std::atomic<bool> pending{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // the handler may only touch such a thing

void Handle(int) { pending.store(true, std::memory_order_relaxed); }

}  // namespace

InterruptScope::InterruptScope() {
  pending = false;
  struct sigaction action = {};
  action.sa_handler = Handle;
  sigemptyset(&action.sa_mask);
  action.sa_flags = 0;  // no restart: a blocked read returns
  sigaction(SIGINT, &action, &previous_);
}

InterruptScope::~InterruptScope() { sigaction(SIGINT, &previous_, nullptr); }

bool InterruptScope::Take() { return pending.exchange(false); }
bool InterruptScope::Pending() { return pending.load(); }

}  // namespace hyprstream::cli
