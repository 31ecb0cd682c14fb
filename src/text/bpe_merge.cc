#include "text/bpe_merge.h"

#include <algorithm>
#include <functional>

#include "text/vocabulary.h"

namespace hyprstream::text {
namespace {

/// Up to this many symbols, looking through all pairs is faster than a heap.
constexpr size_t kShortWord = 64;

class Rules {
 public:
  Rules(const MergeTable& table, const std::vector<TokenId>& forbidden)
      : table_(table), forbidden_(forbidden) {}
  Merge operator()(TokenId left, TokenId right) const {
    const Merge merge = table_.Find(left, right);
    const bool refused = !forbidden_.empty() &&
                         std::binary_search(forbidden_.begin(), forbidden_.end(), merge.result);
    return refused ? Merge{} : merge;
  }

 private:
  const MergeTable& table_;
  const std::vector<TokenId>& forbidden_;
};

void MergeShort(const Rules& rules, MergeScratch& scratch) {
  std::vector<TokenId>& ids = scratch.ids;
  std::vector<Merge>& merges = scratch.merges;  // [i]: of ids[i] and ids[i + 1]
  size_t count = ids.size();
  merges.resize(count);
  for (size_t i = 0; i + 1 < count; ++i) merges[i] = rules(ids[i], ids[i + 1]);
  while (count > 1) {
    size_t best = 0;
    for (size_t i = 1; i + 1 < count; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == Merge::kNoRank) break;
    ids[best] = merges[best].result;
    std::copy(ids.begin() + best + 2, ids.begin() + count, ids.begin() + best + 1);
    std::copy(merges.begin() + best + 2, merges.begin() + count, merges.begin() + best + 1);
    --count;
    if (best > 0) merges[best - 1] = rules(ids[best - 1], ids[best]);
    if (best + 1 < count) merges[best] = rules(ids[best], ids[best + 1]);
  }
  ids.resize(count);
}

/// A linked list of symbols and a heap of (rank, position). An entry whose rank is no longer that
/// of the pair at its position is stale.
class LongMerger {
 public:
  LongMerger(const Rules& rules, MergeScratch& scratch)
      : rules_(rules), nodes_(scratch.nodes), heap_(scratch.heap), ids_(scratch.ids) {}

  void Run() {
    Fill();
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      const uint64_t entry = heap_.back();
      heap_.pop_back();
      const size_t at = entry & UINT32_MAX;
      if (nodes_[at].rank == entry >> 32) Join(at);
    }
    ids_.clear();
    for (int64_t i = 0; i != -1; i = nodes_[static_cast<size_t>(i)].next) {
      ids_.push_back(nodes_[static_cast<size_t>(i)].id);
    }
  }

 private:
  void Fill() {
    const size_t count = ids_.size();
    nodes_.resize(count);
    heap_.clear();
    for (size_t i = 0; i < count; ++i) {
      const auto at = static_cast<int64_t>(i);
      nodes_[i] = {.id = ids_[i], .previous = at - 1, .next = i + 1 < count ? at + 1 : -1};
    }
    for (size_t i = 0; i + 1 < count; ++i) {
      if (SetPair(i)) heap_.push_back(Entry(i));
    }
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  uint64_t Entry(size_t at) const { return static_cast<uint64_t>(nodes_[at].rank) << 32 | at; }

  /// Looks up the pair that begins at `at`; true when it has a rule.
  bool SetPair(size_t at) {
    MergeScratch::Node& node = nodes_[at];
    const Merge merge = node.next < 0 ? Merge{} : rules_(node.id, nodes_[node.next].id);
    node.rank = merge.rank;
    node.joined = merge.result;
    return merge.rank != Merge::kNoRank;
  }

  void Push(size_t at) {
    if (!SetPair(at)) return;
    heap_.push_back(Entry(at));
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  void Join(size_t at) {
    MergeScratch::Node& left = nodes_[at];
    MergeScratch::Node& right = nodes_[left.next];
    left.id = left.joined;
    left.next = right.next;
    right.rank = Merge::kNoRank;
    if (left.next >= 0) nodes_[left.next].previous = static_cast<int64_t>(at);
    Push(at);
    if (left.previous >= 0) Push(static_cast<size_t>(left.previous));
  }

  const Rules& rules_;
  std::vector<MergeScratch::Node>& nodes_;
  std::vector<uint64_t>& heap_;
  std::vector<TokenId>& ids_;
};

}  // namespace

MergeTable::MergeTable(size_t merges) : seed_(ProcessSeed() | 1) {
  size_t slots = 16;
  while (slots * 2 < merges * 3) slots *= 2;
  slots_.resize(slots);
  mask_ = slots - 1;
}

size_t MergeTable::Home(uint64_t key) const { return MixBits(key ^ seed_, seed_) & mask_; }

void MergeTable::Add(TokenId left, TokenId right, Merge merge) {
  const uint64_t key = Key(left, right);
  size_t i = Home(key);
  while (slots_[i].key != kEmpty && slots_[i].key != key) i = (i + 1) & mask_;
  if (slots_[i].key == kEmpty && (used_ + 1) * 4 > slots_.size() * 3) {
    MergeTable bigger(slots_.size());
    for (const Slot& slot : slots_) {
      if (slot.key == kEmpty) continue;
      bigger.Add(static_cast<TokenId>(slot.key >> 32), static_cast<TokenId>(slot.key & UINT32_MAX),
                 slot.merge);
    }
    *this = std::move(bigger);
    Add(left, right, merge);
    return;
  }
  used_ += slots_[i].key == kEmpty;
  slots_[i] = {key, merge};
}

void MergeSymbols(const MergeTable& table, const std::vector<TokenId>& forbidden,
                  MergeScratch& scratch) {
  const Rules rules(table, forbidden);
  if (scratch.ids.size() <= kShortWord) {
    MergeShort(rules, scratch);
  } else {
    LongMerger(rules, scratch).Run();
  }
}

}  // namespace hyprstream::text
