#include "base/unfinished.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <string_view>

#include "base/uuid.h"

namespace hyprstream::internal {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".unfinished";
constexpr size_t kUuidLength = 36;
constexpr int kAttempts = 100;

/// Bounded, so that whatever name the target has, this one is none too long.
std::string Beginning(const fs::path& target) {
  constexpr size_t kLongest = 180;
  return "." + target.filename().string().substr(0, kLongest) + ".";
}

fs::path HiddenName(const fs::path& target) {
  return FolderOf(target) / (Beginning(target) + RandomUuid() + std::string(kEnding));
}

bool IsUuid(std::string_view text) {
  return text.size() == kUuidLength && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == '-';
         });
}

bool IsLeftOf(const fs::path& target, std::string_view name) {
  const std::string beginning = Beginning(target);
  return name.starts_with(beginning) && name.ends_with(kEnding) &&
         name.size() == beginning.size() + kUuidLength + kEnding.size() &&
         IsUuid(name.substr(beginning.size(), kUuidLength));
}

/// False when another has it, or nobody can.
bool TryLock(int descriptor) {
  while (::flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR) return false;
  }
  return true;
}

/// False when what was opened has been removed meanwhile.
bool StillNamed(int descriptor, const fs::path& path) {
  struct stat opened {
  }, named{};
  return ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

}  // namespace

Unfinished BeginFile(const fs::path& target) {
  RemoveUnfinished(target);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Unfinished made{.path = HiddenName(target), .descriptor = Descriptor()};
    // Not mkstemp: its files are private, and the umask cannot be read without setting it.
    made.descriptor = Descriptor(
        ::open(made.path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (!made.descriptor.valid() && errno != EEXIST) FailFile("cannot create file", target, errno);
    if (!made.descriptor.valid()) continue;
    // Between its creation and the lock it looked like a leftover.
    TryLock(made.descriptor.get());
    if (StillNamed(made.descriptor.get(), made.path)) return made;
  }
  FailFile("cannot create file", target, EEXIST);
}

Unfinished BeginFolder(const fs::path& target) {
  RemoveUnfinished(target);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Unfinished made{.path = HiddenName(target), .descriptor = Descriptor()};
    if (::mkdir(made.path.c_str(), 0777) != 0) {
      if (errno != EEXIST) FailFile("cannot create folder", target, errno);
      continue;
    }
    made.descriptor =
        Descriptor(::open(made.path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!made.descriptor.valid()) continue;
    TryLock(made.descriptor.get());
    if (StillNamed(made.descriptor.get(), made.path)) return made;
  }
  FailFile("cannot create folder", target, EEXIST);
}

void RemoveUnfinished(const fs::path& target) {
  std::error_code failed;
  for (fs::directory_iterator at(FolderOf(target), failed), end; !failed && at != end;
       at.increment(failed)) {
    const fs::path& path = at->path();
    if (!IsLeftOf(target, path.filename().string())) continue;
    const Descriptor left(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!left.valid() || !TryLock(left.get()) || !StillNamed(left.get(), path)) continue;
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
}

}  // namespace hyprstream::internal
