// Ctrl-C while an answer is made stops the answer, not the program. A scope catches SIGINT; outside
// of any scope the signal does what it always does. Scopes nest: the outermost forgets what came
// before it, an inner one finds what came since. Used by the main thread; the signal itself may
// arrive on any thread.
#pragma once

#include <signal.h>

namespace hyprstream::cli {

class InterruptScope {
 public:
  InterruptScope();
  ~InterruptScope();
  InterruptScope(const InterruptScope&) = delete;
  InterruptScope& operator=(const InterruptScope&) = delete;

  /// Whether the signal came since the scope began or since it was last taken.
  static bool Take();
  static bool Pending();

  enum class Wait { kReadable, kInterrupted };
  /// Blocks until `descriptor` can be read (or has ended) or the signal has come, even if it came
  /// before the call.
  static Wait WaitToRead(int descriptor);

 private:
  struct sigaction previous_;
};

}  // namespace hyprstream::cli
