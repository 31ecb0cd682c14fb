// What any thread may tell the engine thread: here is a new sequence, look again (somebody has
// cancelled), stop. Shared by the engine and its generations, so either may go first. Thread-safe.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/sequence.h"

namespace hyprstream::engine {

class Mailbox {
 public:
  enum class Patience { kNoWait, kWait };

  struct Mail {
    std::vector<std::unique_ptr<Sequence>> arrived;  // in order of arrival
    bool stop = false;
  };

  /// Numbers the sequence by arrival.
  void Submit(std::unique_ptr<Sequence> sequence);
  void Poke();
  void Stop();

  /// Engine thread. With kWait, returns when there is something to look at.
  Mail Take(Patience patience);
  int64_t unread() const;
  /// Whether Take would return at once.
  bool HasMail() const;

 private:
  bool HasMailLocked() const { return stop_ || poked_ || !sequences_.empty(); }

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  std::vector<std::unique_ptr<Sequence>> sequences_;  // all guarded by mutex_
  uint64_t arrivals_ = 0;
  bool poked_ = false;
  bool stop_ = false;
};

}  // namespace hyprstream::engine
