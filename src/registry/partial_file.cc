#include "registry/partial_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "registry/names.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;
using internal::FailFile;

constexpr std::string_view kState = ".state";

bool IsId(std::string_view id) { return IsSha256(id) || IsGitSha1(id); }

// True when the lock is ours; false when another has it and `wait` is not wanted.
bool Lock(int descriptor, bool wait, const fs::path& path) {
  while (::flock(descriptor, wait ? LOCK_EX : LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return false;
    if (errno != EINTR) FailFile("cannot lock file", path, errno);
  }
  return true;
}

// False when the file has been renamed or removed since it was opened.
bool StillNamed(int file, int folder, const std::string& name) {
  struct stat opened {};
  const std::optional<Found> named = FindFile(folder, name);
  return named && ::fstat(file, &opened) == 0 && opened.st_dev == named->device &&
         opened.st_ino == named->inode;
}

}  // namespace

PartialFile PartialFile::Open(const fs::path& folder, std::string_view id,
                              const std::function<void()>& on_wait) {
  if (!IsId(id)) {
    throw Error(ErrorCode::kInvalidArgument,
                {.message = "a file cannot be fetched under this name",
                 .expected = "a SHA-256 or a git SHA-1 in lower-case hexadecimal digits",
                 .found = "\"" + Shown(id) + "\""});
  }
  PartialFile partial;
  partial.shown_ = folder;
  partial.id_ = id;
  partial.folder_ = OpenRoot(folder, Missing::kCreate);
  bool told = false;
  while (true) {
    Descriptor file(::openat(partial.folder_.get(), partial.id_.c_str(),
                             O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
    if (!file.valid()) FailFile("cannot create file", partial.path(), errno);
    if (!Lock(file.get(), false, partial.path())) {
      if (!told && on_wait) on_wait();
      told = true;
      Lock(file.get(), true, partial.path());
    }
    // Whoever had it may have finished it: then it has another name now.
    if (!StillNamed(file.get(), partial.folder_.get(), partial.id_)) continue;
    partial.file_ = std::move(file);
    return partial;
  }
}

std::uint64_t PartialFile::size() const {
  struct stat status {};
  if (::fstat(file_.get(), &status) != 0) FailFile("cannot read file", path(), errno);
  return static_cast<std::uint64_t>(status.st_size);
}

void PartialFile::Reset() {
  ::unlinkat(folder_.get(), (id_ + std::string(kState)).c_str(), 0);
  if (::ftruncate(file_.get(), 0) != 0 || ::lseek(file_.get(), 0, SEEK_SET) != 0) {
    FailFile("cannot empty file", path(), errno);
  }
}

void PartialFile::Discard() {
  // While it is locked, so that it is no other writer's.
  ::unlinkat(folder_.get(), (id_ + std::string(kState)).c_str(), 0);
  ::unlinkat(folder_.get(), id_.c_str(), 0);
  file_ = Descriptor();
}

PartialLeftovers VisitLeftovers(const fs::path& folder, Leftovers what) {
  PartialLeftovers left;
  std::error_code failed;
  if (!fs::is_directory(folder, failed)) return left;
  const Descriptor at = OpenRoot(folder, Missing::kRefuse);
  for (const std::string& name : NamesIn(at.get())) {
    const bool state = name.ends_with(kState);
    const std::string id = state ? name.substr(0, name.size() - kState.size()) : name;
    if (!IsId(id)) continue;
    // A state without its file is debris; one with it goes with it.
    if (state && FindFile(at.get(), id)) continue;
    const Descriptor file(
        ::openat(at.get(), name.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!file.valid() || !Lock(file.get(), false, folder / name)) continue;
    const std::optional<Found> found = FindFile(at.get(), name);
    if (!found || !StillNamed(file.get(), at.get(), name)) continue;
    ++left.files;
    left.bytes += found->size;
    if (what == Leftovers::kCount) continue;
    ::unlinkat(at.get(), (id + std::string(kState)).c_str(), 0);
    ::unlinkat(at.get(), name.c_str(), 0);
  }
  return left;
}

}  // namespace hyprstream::registry
