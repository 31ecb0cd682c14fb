#include "cli/interrupt.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "base/error.h"

namespace hyprstream::cli {
namespace {

std::atomic<bool> pending{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // the handler may only touch such a thing

// Scopes that are open. Only the outermost forgets what came before it.
int depth = 0;

// What the handler writes to wakes a poll, whichever thread the signal came to and whenever.
int wake_pipe[2] = {-1, -1};

void OpenPipe() {
  if (wake_pipe[0] >= 0) return;
  HYPR_CHECK(::pipe2(wake_pipe, O_CLOEXEC | O_NONBLOCK) == 0);
}

void DrainPipe() {
  char bytes[64];
  while (::read(wake_pipe[0], bytes, sizeof bytes) > 0) {
  }
}

void Handle(int) {
  const int saved = errno;
  pending.store(true, std::memory_order_relaxed);
  const char byte = 0;
  // A full pipe already wakes whoever waits.
  [[maybe_unused]] const ssize_t written = ::write(wake_pipe[1], &byte, 1);
  errno = saved;
}

}  // namespace

InterruptScope::InterruptScope() {
  OpenPipe();
  if (depth++ == 0) Take();
  struct sigaction action = {};
  action.sa_handler = Handle;
  sigemptyset(&action.sa_mask);
  action.sa_flags = 0;  // no restart: a blocked read returns
  sigaction(SIGINT, &action, &previous_);
}

InterruptScope::~InterruptScope() {
  --depth;
  sigaction(SIGINT, &previous_, nullptr);
}

bool InterruptScope::Take() {
  DrainPipe();
  return pending.exchange(false);
}

bool InterruptScope::Pending() { return pending.load(); }

InterruptScope::Wait InterruptScope::WaitToRead(int descriptor) {
  while (true) {
    pollfd waits[] = {{descriptor, POLLIN, 0}, {wake_pipe[0], POLLIN, 0}};
    ::poll(waits, 2, -1);
    if (Pending()) return Wait::kInterrupted;
    if (waits[0].revents != 0) return Wait::kReadable;
  }
}

}  // namespace hyprstream::cli
