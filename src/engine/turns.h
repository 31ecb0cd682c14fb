// Whose turn it is to compute. The engine lends its threads to one borrower (learning) between two
// of its steps: all the time while nobody waits for an answer, and at most a share of the time
// otherwise. A borrower computes in slices, that is from one call of Pause to the next; only there
// is the turn given back, so the shorter the slices, the less a stream notices. At any moment one
// side computes and the other waits, which is also what orders their memory accesses.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

#include "base/thread_pool.h"
#include "engine/mailbox.h"

namespace hyprstream::engine {

class Turns {
 public:
  using Clock = std::chrono::steady_clock;
  using Duration = std::chrono::nanoseconds;

  struct Options {
    double share = 0.3;  // of the time while requests are in flight, 0 to 0.9
    std::function<Clock::time_point()> now = Clock::now;
  };
  /// `mailbox` wakes the engine's thread and says whether somebody waits for it.
  Turns(ThreadPool& threads, Mailbox& mailbox, Options options);

  // The borrower's side, one thread at a time. Errors of all that wait: kCancelled once the engine
  // has ended or the borrower was interrupted; the turn is then the borrower's no more.
  void Enter();
  /// The end of a slice: gives the turn back when it is over and waits for the next one.
  void Pause();
  void Leave();
  /// Time that the borrower has computed for. Its own thread.
  Duration computed() const { return computed_; }
  /// To compute with, between Enter and Leave.
  ThreadPool& threads() { return threads_; }

  /// A turn for as long as it lives.
  class Turn {
   public:
    explicit Turn(Turns& turns) : turns_(turns) { turns_.Enter(); }
    ~Turn() { turns_.Leave(); }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    Turns& turns_;
  };

  /// Any thread: the borrower waits no longer, until Reset.
  void Interrupt();
  void Reset();

  // The engine thread's side.
  bool wanted() const;
  /// Nobody waits for an answer: until the mailbox has something or the borrower leaves.
  void LendIdle();
  /// A step has taken `busy`: as many slices as the share has room for, perhaps none. A slice that
  /// took longer than expected is made up for by the following steps. Slices longer than a step
  /// come many together, after few of the steps. A step much longer than the one before (prompts
  /// were in it) lends no more than that one did: whoever waits for a token waits for a usual turn.
  void LendShare(Duration busy);
  /// No turns any more.
  void Close();

  struct Lent {
    int64_t slices = 0;
    Duration idle{};    // lent while nobody waited
    Duration shared{};  // lent between the steps of requests
  };
  /// The engine's thread.
  const Lent& lent() const { return lent_; }

 private:
  enum class Holder { kEngine, kBorrower };

  Duration Goal(Duration earned) const;
  void Lend();
  void AwaitTurn(std::unique_lock<std::mutex>& lock);
  bool Over(Clock::time_point now) const;

  ThreadPool& threads_;
  Mailbox& mailbox_;
  const Options options_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Holder holder_ = Holder::kEngine;  // guarded by mutex_, as what follows
  bool wanted_ = false;
  bool closed_ = false;
  bool interrupted_ = false;

  // Whoever has the turn reads and writes these.
  bool idle_ = false;
  Duration credit_{};   // what may still be lent; below zero after a slice that took too long
  Duration typical_{};  // length of a slice
  Duration earned_ = Duration::max();  // by the step before
  Clock::time_point begin_;            // of the turn
  Clock::time_point slice_begin_;      // of the slice
  Duration computed_{};
  Lent lent_;
};

}  // namespace hyprstream::engine
