#include "engine/scheduler.h"

#include <algorithm>

#include "base/error.h"
#include "ops/attention.h"

namespace hyprstream::engine {
namespace {

int64_t PagesFor(int64_t tokens) { return (tokens + ops::kPageTokens - 1) / ops::kPageTokens; }

}  // namespace

void Scheduler::Add(Owned sequence) {
  HYPR_CHECK(PagesFor(sequence->length()) <= pool_.total());
  const auto place = std::upper_bound(
      waiting_.begin(), waiting_.end(), sequence->arrival,
      [](uint64_t arrival, const Owned& other) { return arrival < other->arrival; });
  waiting_.insert(place, std::move(sequence));
}

const std::vector<Share>& Scheduler::Plan() {
  shares_.clear();
  SecurePages();
  Admit();
  ShareRows();
  if (limits_.draft_tokens > 0) AddGuesses();
  return shares_;
}

// The oldest first, so that what has to go is always younger than what needs the page.
void Scheduler::SecurePages() {
  for (size_t i = 0; i < running_.size(); ++i) {
    while (i < running_.size() && !GrowPages(*running_[i])) PreemptYoungest();
  }
}

bool Scheduler::GrowPages(Sequence& sequence) {
  const auto needed = static_cast<size_t>(PagesFor(sequence.length()));
  while (sequence.pages.size() < needed) {
    const std::optional<int32_t> page = pool_.Take();
    if (!page) return false;
    sequence.pages.push_back(*page);
  }
  return true;
}

void Scheduler::PreemptYoungest() {
  // One sequence alone always fits: no request is longer than the cache.
  HYPR_CHECK(running_.size() > 1);
  Owned youngest = std::move(running_.back());
  running_.pop_back();
  Drop(*youngest);
  ++preemptions_;
  Add(std::move(youngest));
}

void Scheduler::Drop(Sequence& sequence) {
  pool_.Release(sequence.pages);
  sequence.pages.clear();
  sequence.computed = 0;
  sequence.published = 0;
}

void Scheduler::Admit() {
  while (!waiting_.empty() && running() < limits_.max_sequences && TryAdmit(*waiting_.front())) {
    const auto place = std::upper_bound(
        running_.begin(), running_.end(), waiting_.front()->arrival,
        [](uint64_t arrival, const Owned& other) { return arrival < other->arrival; });
    running_.insert(place, std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

bool Scheduler::TryAdmit(Sequence& sequence) {
  ExtendKeys(sequence.root_key, sequence.tokens, sequence.keys);
  // The last token is always computed: its logits are wanted.
  const int64_t reusable = (sequence.length() - 1) / ops::kPageTokens;
  for (int64_t i = 0; i < reusable; ++i) {
    const std::optional<int32_t> page = pool_.Find(sequence.keys[static_cast<size_t>(i)]);
    if (!page) break;
    sequence.pages.push_back(*page);
  }
  const auto found = static_cast<int64_t>(sequence.pages.size());
  const int64_t missing = PagesFor(sequence.length()) - found;
  // A preempted sequence comes back only when the others can grow: no back and forth.
  const int64_t headroom = sequence.started ? running() : 0;
  if (pool_.available() < missing + headroom) {
    Drop(sequence);
    return false;
  }
  HYPR_CHECK(GrowPages(sequence));
  sequence.computed = found * ops::kPageTokens;
  sequence.published = found;
  if (!sequence.started) {
    sequence.started = true;
    sequence.cached_tokens = sequence.computed;
    sequence.times.scheduled = Clock::now();
  }
  return true;
}

void Scheduler::ShareRows() {
  std::vector<size_t> prompts;  // indices of shares that could use more than one row
  for (const Owned& sequence : running_) {
    if (sequence->pending() > 1) prompts.push_back(shares_.size());
    shares_.push_back({sequence.get(), 1});
  }
  int64_t spare = limits_.max_batch_rows - static_cast<int64_t>(shares_.size());
  HYPR_CHECK(spare >= 0);
  // The shortest first: what it does not need goes to the others.
  std::stable_sort(prompts.begin(), prompts.end(), [&](size_t a, size_t b) {
    return shares_[a].sequence->pending() < shares_[b].sequence->pending();
  });
  for (size_t i = 0; i < prompts.size(); ++i) {
    Share& share = shares_[prompts[i]];
    const auto left = static_cast<int64_t>(prompts.size() - i);
    const int64_t more = std::min(share.sequence->pending() - 1, (spare + left - 1) / left);
    share.count += more;
    spare -= more;
  }
}

// Beside a prompt there are rows enough already: then nobody guesses.
void Scheduler::AddGuesses() {
  const int64_t most_rows = std::min(limits_.draft_rows, limits_.max_batch_rows);
  int64_t spare = most_rows - static_cast<int64_t>(shares_.size());
  for (const Share& share : shares_) {
    if (share.sequence->pending() > 1 || share.sequence->generated() == 0) spare = 0;
  }
  for (size_t i = 0; i < shares_.size() && spare > 0; ++i) {
    Sequence& sequence = *shares_[i].sequence;
    const auto left = static_cast<int64_t>(shares_.size() - i);
    const int64_t fair = std::min((spare + left - 1) / left, limits_.draft_tokens);
    const auto guessed =
        sequence.lookup.Guess(sequence.tokens, std::min(fair, sequence.may_generate() - 1));
    const int64_t room = RoomToGuess(sequence, static_cast<int64_t>(guessed.size()));
    sequence.guesses.assign(guessed.begin(), guessed.begin() + room);
    shares_[i].guesses = room;
    spare -= room;
  }
}

int64_t Scheduler::RoomToGuess(Sequence& sequence, int64_t most) {
  const auto needed = static_cast<size_t>(PagesFor(sequence.length() + most));
  while (sequence.pages.size() < needed && pool_.available() > running()) {
    sequence.pages.push_back(*pool_.Take());
  }
  const auto held = static_cast<int64_t>(sequence.pages.size()) * ops::kPageTokens;
  return std::min(most, held - sequence.length());
}

void Scheduler::Complete(const Share& share) {
  Sequence& sequence = *share.sequence;
  sequence.computed += share.count;
  const int64_t full = sequence.computed / ops::kPageTokens;
  if (sequence.published == full) return;
  ExtendKeys(sequence.root_key, sequence.tokens, sequence.keys);
  for (int64_t i = sequence.published; i < full; ++i) {
    pool_.Publish(sequence.pages[static_cast<size_t>(i)], sequence.keys[static_cast<size_t>(i)]);
  }
  sequence.published = full;
}

std::unique_ptr<Sequence> Scheduler::Remove(const Sequence* sequence) {
  const auto is_it = [sequence](const Owned& owned) { return owned.get() == sequence; };
  Owned taken;
  if (const auto at = std::find_if(running_.begin(), running_.end(), is_it); at != running_.end()) {
    taken = std::move(*at);
    running_.erase(at);
  } else {
    const auto waiting = std::find_if(waiting_.begin(), waiting_.end(), is_it);
    HYPR_CHECK(waiting != waiting_.end());
    taken = std::move(*waiting);
    waiting_.erase(waiting);
  }
  Drop(*taken);
  return taken;
}

bool Scheduler::Holds(const Sequence* sequence) const {
  const auto is_it = [sequence](const Owned& owned) { return owned.get() == sequence; };
  return std::any_of(running_.begin(), running_.end(), is_it) ||
         std::any_of(waiting_.begin(), waiting_.end(), is_it);
}

std::vector<std::unique_ptr<Sequence>> Scheduler::TakeCancelled() {
  std::vector<const Sequence*> cancelled;
  for (const Owned& sequence : running_) {
    if (sequence->channel->cancelled()) cancelled.push_back(sequence.get());
  }
  for (const Owned& sequence : waiting_) {
    if (sequence->channel->cancelled()) cancelled.push_back(sequence.get());
  }
  std::vector<Owned> taken;
  for (const Sequence* sequence : cancelled) taken.push_back(Remove(sequence));
  return taken;
}

std::vector<std::unique_ptr<Sequence>> Scheduler::TakeAll() {
  std::vector<Owned> taken;
  while (!running_.empty()) taken.push_back(Remove(running_.back().get()));
  while (!waiting_.empty()) taken.push_back(Remove(waiting_.front().get()));
  return taken;
}

}  // namespace hyprstream::engine
