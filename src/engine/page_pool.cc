#include "engine/page_pool.h"

#include <numeric>

#include "base/error.h"

namespace hyprstream::engine {

PagePool::PagePool(int64_t pages, PrefixReuse reuse)
    : pages_(static_cast<size_t>(pages)), free_(static_cast<size_t>(pages)), reuse_(reuse) {
  std::iota(free_.rbegin(), free_.rend(), 0);  // page 0 is given first
}

std::optional<int32_t> PagePool::Take() {
  int32_t index = 0;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else if (!kept_.empty()) {
    index = kept_.front();
    kept_.pop_front();
    Page& page = pages_[static_cast<size_t>(index)];
    by_key_.erase(*page.key);
    page.key.reset();
  } else {
    return std::nullopt;
  }
  pages_[static_cast<size_t>(index)].holders = 1;
  return index;
}

std::optional<int32_t> PagePool::Find(const PageKey& key) {
  if (reuse_ == PrefixReuse::kOff) return std::nullopt;
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return std::nullopt;
  Page& page = pages_[static_cast<size_t>(found->second)];
  if (page.holders == 0) kept_.erase(page.kept_place);
  ++page.holders;
  return found->second;
}

void PagePool::Publish(int32_t index, const PageKey& key) {
  if (reuse_ == PrefixReuse::kOff) return;
  Page& page = pages_[static_cast<size_t>(index)];
  HYPR_CHECK(page.holders > 0);
  if (page.key) return;
  if (by_key_.emplace(key, index).second) page.key = key;
}

void PagePool::Release(std::span<const int32_t> pages) {
  for (auto index = pages.rbegin(); index != pages.rend(); ++index) ReleaseOne(*index);
}

void PagePool::ReleaseOne(int32_t index) {
  Page& page = pages_[static_cast<size_t>(index)];
  HYPR_CHECK(page.holders > 0);
  if (--page.holders > 0) return;
  if (page.key) {
    page.kept_place = kept_.insert(kept_.end(), index);
  } else {
    free_.push_back(index);
  }
}

}  // namespace hyprstream::engine
