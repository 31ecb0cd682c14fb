// Which page of the cache belongs to whom. A page is free, held by one or more sequences, or kept
// unheld under its key for reuse; kept pages are given away, least recently used first, when no
// free one is left. Numbers only, no memory. Owned by the engine thread.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "engine/page_key.h"

namespace hyprstream::engine {

enum class PrefixReuse { kOff, kOn };

class PagePool {
 public:
  PagePool(int64_t pages, PrefixReuse reuse);

  int64_t total() const { return static_cast<int64_t>(pages_.size()); }
  int64_t held() const { return total() - available(); }
  int64_t kept() const { return static_cast<int64_t>(kept_.size()); }
  /// Pages that Take can give: free and kept ones.
  int64_t available() const { return static_cast<int64_t>(free_.size() + kept_.size()); }

  /// A page held once by the caller; nothing when every page is held.
  std::optional<int32_t> Take();
  /// Finds the page of this content and holds it once more.
  std::optional<int32_t> Find(const PageKey& key);
  /// The page is full and will not be written again. The first page of a key is the one found.
  void Publish(int32_t page, const PageKey& key);
  /// Gives back a sequence's pages: the last first, so that a prefix outlives what follows it.
  void Release(std::span<const int32_t> pages);

 private:
  struct Page {
    int32_t holders = 0;
    std::optional<PageKey> key;               // set: found by Find
    std::list<int32_t>::iterator kept_place;  // valid while kept
  };

  void ReleaseOne(int32_t index);

  std::vector<Page> pages_;
  std::vector<int32_t> free_;
  std::list<int32_t> kept_;  // least recently used first
  std::unordered_map<PageKey, int32_t, PageKeyHash> by_key_;
  PrefixReuse reuse_;
};

}  // namespace hyprstream::engine
