#include "engine/page_pool.h"

#include <numeric>

#include "base/error.h"

namespace hyprstream::engine {

PagePool::PagePool(int64_t pages, PrefixReuse reuse)
    : pages_(static_cast<size_t>(pages)),
      free_(static_cast<size_t>(pages)),
      first_of_hash_(static_cast<size_t>(pages) + 1, kNone),
      reuse_(reuse) {
  std::iota(free_.rbegin(), free_.rend(), 0);  // page 0 is given first
}

std::optional<int32_t> PagePool::Take() {
  int32_t index = least_recent_;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else if (kept_ > 0) {
    Unkeep(index);
    Forget(index);
  } else {
    return std::nullopt;
  }
  At(index).holders = 1;
  return index;
}

std::optional<int32_t> PagePool::Find(const PageKey& key) {
  if (reuse_ == PrefixReuse::kOff) return std::nullopt;
  const int32_t index = Lookup(key);
  if (index == kNone) return std::nullopt;
  if (At(index).holders == 0) Unkeep(index);
  ++At(index).holders;
  return index;
}

void PagePool::Publish(int32_t index, const PageKey& key) {
  if (reuse_ == PrefixReuse::kOff) return;
  Page& page = At(index);
  HYPR_CHECK(page.holders > 0);
  if (page.key || Lookup(key) != kNone) return;
  page.key = key;
  page.next_of_hash = FirstOf(key);
  FirstOf(key) = index;
}

void PagePool::Release(std::span<const int32_t> pages) {
  for (auto index = pages.rbegin(); index != pages.rend(); ++index) ReleaseOne(*index);
}

void PagePool::ReleaseOne(int32_t index) {
  Page& page = At(index);
  HYPR_CHECK(page.holders > 0);
  if (--page.holders > 0) return;
  if (page.key) {
    Keep(index);
  } else {
    free_.push_back(index);
  }
}

int32_t PagePool::Lookup(const PageKey& key) {
  int32_t index = FirstOf(key);
  while (index != kNone && *At(index).key != key) index = At(index).next_of_hash;
  return index;
}

void PagePool::Forget(int32_t index) {
  Page& page = At(index);
  int32_t* link = &FirstOf(*page.key);
  while (*link != index) link = &At(*link).next_of_hash;
  *link = page.next_of_hash;
  page.key.reset();
}

void PagePool::Keep(int32_t index) {
  Page& page = At(index);
  page.used_before = most_recent_;
  page.used_after = kNone;
  (most_recent_ == kNone ? least_recent_ : At(most_recent_).used_after) = index;
  most_recent_ = index;
  ++kept_;
}

void PagePool::Unkeep(int32_t index) {
  const Page& page = At(index);
  (page.used_before == kNone ? least_recent_ : At(page.used_before).used_after) = page.used_after;
  (page.used_after == kNone ? most_recent_ : At(page.used_after).used_before) = page.used_before;
  --kept_;
}

}  // namespace hyprstream::engine
