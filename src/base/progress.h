// How far a long piece of work has come, told to whoever wants to know. The work reports what is
// done; what a listener shows of it (a bar on a terminal, an event) is the listener's business.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace hyprstream {

struct ProgressUpdate {
  std::string what;    // "loading weights"
  uint64_t done = 0;   // never falls within one piece of work
  uint64_t total = 0;  // 0 when unknown
};

/// Called from the thread that does the work, at most some tens of times a second, and once at the
/// end with done == total. An empty function means nobody listens.
using ProgressListener = std::function<void(const ProgressUpdate&)>;

/// Counts work and calls the listener often enough, but not more. One thread.
class Progress {
 public:
  /// A total of 0 means unknown.
  Progress(ProgressListener listener, std::string what, uint64_t total);
  void Advance(uint64_t amount);
  /// Tells the end: done == total, which becomes what was done when it was unknown or exceeded.
  void Finish();

 private:
  void Tell();

  const ProgressListener listener_;
  ProgressUpdate update_;
  int64_t next_tell_ns_ = 0;
};

}  // namespace hyprstream
