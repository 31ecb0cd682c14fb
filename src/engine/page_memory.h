// The bytes of the key/value cache: one anonymous mapping, reserved in the budget as a whole and
// taken from the system page by page when first written. Read and written by whoever runs the
// model.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/memory_budget.h"

namespace hyprstream::engine {

class PageMemory {
 public:
  /// `budget` may be null, else it outlives the object. Errors: kResourceExhausted.
  PageMemory(int64_t pages, uint64_t page_bytes, MemoryBudget* budget);
  ~PageMemory();
  PageMemory(const PageMemory&) = delete;
  PageMemory& operator=(const PageMemory&) = delete;

  std::byte* base() const { return base_; }
  Bytes bytes() const { return bytes_; }

 private:
  Bytes bytes_;
  Reservation reservation_;
  std::byte* base_ = nullptr;
};

}  // namespace hyprstream::engine
