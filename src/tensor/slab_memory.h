// Memory for many pieces that live as long as one another: the weights of a model. They lie side by
// side in slabs of huge pages. A matrix of a few megabytes in memory of its own has ordinary pages
// at its end, or everywhere, and streaming it then waits for the TLB (what it
// costs: docs/performance.md).
#pragma once

#include <cstddef>
#include <memory>

namespace hyprstream {

class SlabMemory {
 public:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kSlabBytes = size_t{64} << 20;

  /// A piece aligned to kAlignment, zeroed. It may outlive this object: a slab goes when its last
  /// piece does. Pages that nobody touches take no memory. Errors: std::bad_alloc. One thread at a
  /// time.
  std::shared_ptr<std::byte> Allocate(size_t bytes);

 private:
  std::shared_ptr<std::byte> slab_;
  size_t used_ = 0;
  size_t size_ = 0;
};

}  // namespace hyprstream
