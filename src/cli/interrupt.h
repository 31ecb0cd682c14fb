// Ctrl-C while an answer is made stops the answer, not the program. A scope catches SIGINT; outside
// of any scope the signal does what it always does. Used by the main thread.
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

 private:
  struct sigaction previous_;
};

}  // namespace hyprstream::cli
