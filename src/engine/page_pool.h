// Which page of the cache belongs to whom. A page is free, held by one or more sequences, or kept
// unheld under its key for reuse; kept pages are given away, least recently used first, when no
// free one is left. Numbers only, no memory of pages; what it needs itself it takes when it is
// made. Owned by the engine thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/page_key.h"

namespace hyprstream::engine {

enum class PrefixReuse { kOff, kOn };

class PagePool {
 public:
  PagePool(int64_t pages, PrefixReuse reuse);

  int64_t total() const { return static_cast<int64_t>(pages_.size()); }
  int64_t held() const { return total() - available(); }
  int64_t kept() const { return kept_; }
  /// Pages that Take can give: free and kept ones.
  int64_t available() const { return static_cast<int64_t>(free_.size()) + kept_; }

  /// A page held once by the caller; nothing when every page is held.
  std::optional<int32_t> Take();
  /// Finds the page of this content and holds it once more.
  std::optional<int32_t> Find(const PageKey& key);
  /// The page is full and will not be written again. The first page of a key is the one found.
  void Publish(int32_t page, const PageKey& key);
  /// Gives back a sequence's pages: the last first, so that a prefix outlives what follows it.
  void Release(std::span<const int32_t> pages);

 private:
  static constexpr int32_t kNone = -1;

  struct Page {
    int32_t holders = 0;
    std::optional<PageKey> key;    // set: found by Find
    int32_t next_of_hash = kNone;  // while it has a key
    int32_t used_before = kNone;   // while kept: its neighbours by last use
    int32_t used_after = kNone;
  };

  Page& At(int32_t index) { return pages_[static_cast<size_t>(index)]; }
  int32_t& FirstOf(const PageKey& key) {
    return first_of_hash_[PageKeyHash()(key) % first_of_hash_.size()];
  }
  int32_t Lookup(const PageKey& key);
  void Forget(int32_t index);
  void Keep(int32_t index);
  void Unkeep(int32_t index);
  void ReleaseOne(int32_t index);

  std::vector<Page> pages_;
  std::vector<int32_t> free_;
  std::vector<int32_t> first_of_hash_;  // chains of pages with keys, through next_of_hash
  int32_t least_recent_ = kNone;        // of the kept pages
  int32_t most_recent_ = kNone;
  int64_t kept_ = 0;
  PrefixReuse reuse_;
};

}  // namespace hyprstream::engine
