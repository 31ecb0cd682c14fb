#include "registry/reserve.h"

#include <fcntl.h>
#include <unistd.h>

#include "registry/folders.h"

namespace hyprstream::registry {
namespace {

constexpr const char* kName = ".reserve";
// SQLite's shared memory (32 KiB), a log of some pages, and a change's note.
constexpr off_t kBytes = off_t{256} << 10;

}  // namespace

void TakeReserve(int models) {
  const auto found = FindFile(models, kName);
  if (found && found->size >= static_cast<uint64_t>(kBytes)) return;
  const Descriptor file(
      ::openat(models, kName, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
  if (file.valid() && ::posix_fallocate(file.get(), 0, kBytes) == 0) return;
  ::unlinkat(models, kName, 0);
}

bool GiveUpReserve(int models) { return ::unlinkat(models, kName, 0) == 0; }

}  // namespace hyprstream::registry
