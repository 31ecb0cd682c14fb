#include "engine/page_memory.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace hyprstream::engine {

PageMemory::PageMemory(int64_t pages, uint64_t page_bytes, MemoryBudget* budget)
    : bytes_{static_cast<uint64_t>(pages) * page_bytes} {
  HYPR_CHECK(pages > 0 && page_bytes > 0);
  if (budget != nullptr) {
    reservation_ = Reservation(*budget, MemoryUse::kCache, bytes_, "the key/value cache");
  }
  void* memory = mmap(nullptr, bytes_.value, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    throw Error(ErrorCode::kResourceExhausted,
                {.message = "the system refused memory for the key/value cache",
                 .found = FormatBytes(bytes_) + ": " + std::strerror(errno),
                 .hint = "choose a smaller cache or context"});
  }
#if defined(MADV_HUGEPAGE)
  madvise(memory, bytes_.value, MADV_HUGEPAGE);
#endif
  base_ = static_cast<std::byte*>(memory);
}

PageMemory::~PageMemory() { munmap(base_, bytes_.value); }

}  // namespace hyprstream::engine
