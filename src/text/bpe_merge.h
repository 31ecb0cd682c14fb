// The merging of byte-pair encoding: of all neighbouring symbols that have a rule, the pair whose
// rule ranks first is joined, the leftmost of several; until none is left. Tables are immutable:
// any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "text/tokenizer.h"

namespace hyprstream::text {

struct Merge {
  static constexpr uint32_t kNoRank = UINT32_MAX;
  uint32_t rank = kNoRank;
  TokenId result = -1;
};

/// From a pair of ids to the rule that joins them.
class MergeTable {
 public:
  explicit MergeTable(size_t merges = 0);

  /// A later rule for the same pair replaces the earlier one.
  void Add(TokenId left, TokenId right, Merge merge);
  Merge Find(TokenId left, TokenId right) const {
    const uint64_t key = Key(left, right);
    for (size_t i = Home(key);; i = (i + 1) & mask_) {
      const Slot& slot = slots_[i];
      if (slot.key == key) return slot.merge;
      if (slot.key == kEmpty) return {};
    }
  }

 private:
  static constexpr uint64_t kEmpty = UINT64_MAX;  // ids are below 2^31
  struct Slot {
    uint64_t key = kEmpty;
    Merge merge;
  };
  static uint64_t Key(TokenId left, TokenId right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
  }
  size_t Home(uint64_t key) const;

  std::vector<Slot> slots_;
  size_t mask_ = 0;
  size_t used_ = 0;
  uint64_t seed_ = 0;
};

/// Buffers that one encoding reuses from word to word.
struct MergeScratch {
  struct Node {
    TokenId id = 0;
    uint32_t rank = Merge::kNoRank;  // of the pair this node begins
    TokenId joined = -1;             // what that pair becomes
    int64_t previous = -1, next = -1;
  };
  std::vector<TokenId> ids;
  std::vector<Merge> merges;
  std::vector<Node> nodes;
  std::vector<uint64_t> heap;
};

/// Merges scratch.ids in place; O(n log n). Rules whose result is in `forbidden` (sorted) are not
/// applied.
void MergeSymbols(const MergeTable& table, const std::vector<TokenId>& forbidden,
                  MergeScratch& scratch);

}  // namespace hyprstream::text
