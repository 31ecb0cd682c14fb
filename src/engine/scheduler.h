// Decides what each step computes. Requests are admitted in order of arrival when the pages for all
// their tokens can be had. In a step every running sequence gets one row; what is left of the row
// limit is shared evenly among those that still have prompt to compute, so neither a long prompt
// nor many decoding sequences stall the others. When a decoding sequence finds no page, the
// youngest running one gives up its pages and waits again; the oldest always goes on, so every
// request ends. Rows that cost little go to guesses of what comes next. Owned by the engine thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "engine/page_pool.h"
#include "engine/sequence.h"

namespace hyprstream::engine {

struct SchedulerLimits {
  int64_t max_batch_rows = 512;
  int64_t max_sequences = 64;  // at most max_batch_rows
  int64_t draft_tokens = 0;    // most that are guessed after a sequence in one step
  int64_t draft_rows = 0;      // rows of a step up to which there is room for guesses
};

/// The next `count` tokens of a sequence, the first at position sequence->computed, then its
/// guesses.
struct Share {
  Sequence* sequence = nullptr;
  int64_t count = 0;
  int64_t guesses = 0;  // sequence->guesses, only where all its tokens are in the share

  bool completes() const { return count == sequence->pending(); }
};

class Scheduler {
 public:
  Scheduler(const SchedulerLimits& limits, PagePool& pool) : limits_(limits), pool_(pool) {}

  void Add(std::unique_ptr<Sequence> sequence);
  /// Chooses the next step's work. Empty only when there is no sequence. Pages for all of it are
  /// held. Valid until the next call.
  const std::vector<Share>& Plan();
  /// The planned rows are in the cache: moves on and offers full pages for reuse.
  void Complete(const Share& share);
  /// Takes a sequence out and gives back its pages.
  std::unique_ptr<Sequence> Remove(const Sequence* sequence);
  /// Takes out every sequence whose consumer has cancelled.
  std::vector<std::unique_ptr<Sequence>> TakeCancelled();
  std::vector<std::unique_ptr<Sequence>> TakeAll();

  bool Holds(const Sequence* sequence) const;
  bool empty() const { return running_.empty() && waiting_.empty(); }
  int64_t running() const { return static_cast<int64_t>(running_.size()); }
  int64_t waiting() const { return static_cast<int64_t>(waiting_.size()); }
  int64_t preemptions() const { return preemptions_; }

 private:
  using Owned = std::unique_ptr<Sequence>;

  void SecurePages();
  bool GrowPages(Sequence& sequence);
  void PreemptYoungest();
  void Admit();
  bool TryAdmit(Sequence& sequence);
  void ShareRows();
  void AddGuesses();
  /// Tokens that may be guessed after the sequence without taking a page from anybody.
  int64_t RoomToGuess(Sequence& sequence, int64_t most);
  void Drop(Sequence& sequence);

  SchedulerLimits limits_;
  PagePool& pool_;
  std::deque<Owned> waiting_;   // by arrival
  std::vector<Owned> running_;  // by arrival
  std::vector<Share> shares_;   // of the step that was planned last
  int64_t preemptions_ = 0;
};

}  // namespace hyprstream::engine
