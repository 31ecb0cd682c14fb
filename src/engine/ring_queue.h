// First in, first out, in one block of memory that grows and is then used again: what comes and
// goes takes none, unlike std::deque. A value type; one thread.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "base/error.h"

namespace hyprstream::engine {

template <typename T>
class RingQueue {
 public:
  bool empty() const { return size_ == 0; }

  void Push(T value) {
    if (size_ == slots_.size()) Grow();
    slots_[(first_ + size_++) % slots_.size()] = std::move(value);
  }
  T Pop() {
    HYPR_CHECK(size_ > 0);
    T value = std::move(slots_[first_]);
    first_ = (first_ + 1) % slots_.size();
    --size_;
    return value;
  }

 private:
  void Grow() {
    std::vector<T> larger(slots_.empty() ? 4 : 2 * slots_.size());
    for (size_t i = 0; i < size_; ++i) {
      larger[i] = std::move(slots_[(first_ + i) % slots_.size()]);
    }
    slots_ = std::move(larger);
    first_ = 0;
  }

  std::vector<T> slots_;
  size_t first_ = 0;
  size_t size_ = 0;
};

}  // namespace hyprstream::engine
