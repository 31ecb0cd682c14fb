#include "tensor/slab_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>

namespace hyprstream {
namespace {

constexpr size_t kHugePage = size_t{2} << 20;

size_t RoundUp(size_t bytes, size_t multiple) {
  return (bytes + multiple - 1) / multiple * multiple;
}

// `bytes` is a multiple of kHugePage. More is mapped, so that the slab can begin where a huge page
// does; what is never touched costs addresses only.
std::shared_ptr<std::byte> MapSlab(size_t bytes) {
  const size_t mapped = bytes + kHugePage;
  void* memory =
      ::mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  const std::shared_ptr<void> mapping(memory, [mapped](void* begin) { ::munmap(begin, mapped); });
  const auto begin = reinterpret_cast<uintptr_t>(memory);
  auto* slab = static_cast<std::byte*>(memory) + (RoundUp(begin, kHugePage) - begin);
#if defined(MADV_HUGEPAGE)
  ::madvise(slab, bytes, MADV_HUGEPAGE);
#endif
  return {mapping, slab};
}

}  // namespace

std::shared_ptr<std::byte> SlabMemory::Allocate(size_t bytes) {
  const size_t padded = RoundUp(bytes, kAlignment);
  if (padded > kSlabBytes / 2) return MapSlab(RoundUp(padded, kHugePage));
  if (padded > size_ - used_) {
    slab_ = MapSlab(kSlabBytes);
    size_ = kSlabBytes;
    used_ = 0;
  }
  std::byte* piece = slab_.get() + used_;
  used_ += padded;
  return {slab_, piece};
}

}  // namespace hyprstream
