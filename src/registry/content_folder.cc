#include "registry/content_folder.h"

#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "registry/names.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;
using internal::FailFile;

constexpr std::string_view kCopying = ".copying-";
constexpr mode_t kReadOnly = 0444;

void Sync(int descriptor, const fs::path& path) {
  if (::fchmod(descriptor, kReadOnly) != 0 || ::fsync(descriptor) != 0) {
    FailFile("cannot sync file", path, errno);
  }
}

}  // namespace

ContentFolder::ContentFolder(const fs::path& models)
    : shown_(models / ".blobs"),
      folder_(OpenBelow(OpenRoot(models, Missing::kCreate).get(), ".blobs", Missing::kCreate,
                        models)) {}

std::optional<Found> ContentFolder::Find(std::string_view sha256) const {
  if (!IsSha256(sha256)) return std::nullopt;
  return FindFile(folder_.get(), std::string(sha256));
}

fs::path ContentFolder::PathOf(std::string_view sha256) const { return shown_ / sha256; }

void ContentFolder::Keep(PartialFile&& partial, std::string_view sha256) const {
  CheckSha256(sha256);
  const std::string name(sha256);
  const PartialFile mine = std::move(partial);
  Sync(mine.descriptor(), mine.path());
  const std::string state = mine.id() + ".state";
  ::unlinkat(mine.folder_.get(), state.c_str(), 0);
  if (::renameat(mine.folder_.get(), mine.id().c_str(), folder_.get(), name.c_str()) != 0) {
    if (errno != EXDEV) FailFile("cannot rename", PathOf(sha256), errno);
    CopyIn(mine, name);
    ::unlinkat(mine.folder_.get(), mine.id().c_str(), 0);
  }
  ::fsync(folder_.get());
}

void ContentFolder::CopyIn(const PartialFile& partial, const std::string& sha256) const {
  const std::string temporary = std::string(kCopying) + sha256;
  // What an earlier copy left; the partial file's lock says that nobody is at it.
  ::unlinkat(folder_.get(), temporary.c_str(), 0);
  const Descriptor copy(::openat(folder_.get(), temporary.c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!copy.valid()) FailFile("cannot create file", shown_ / temporary, errno);
  const std::uint64_t size = partial.size();
  constexpr std::uint64_t kAtOnce = 64u << 20;
  off_t at = 0;
  while (static_cast<std::uint64_t>(at) < size) {
    const std::uint64_t count = std::min(size - static_cast<std::uint64_t>(at), kAtOnce);
    const ssize_t copied = ::sendfile(copy.get(), partial.descriptor(), &at, count);
    if (copied > 0 || (copied < 0 && errno == EINTR)) continue;
    const int error = copied == 0 ? EIO : errno;
    ::unlinkat(folder_.get(), temporary.c_str(), 0);
    FailFile("cannot copy file into the store", shown_ / temporary, error);
  }
  Sync(copy.get(), shown_ / temporary);
  if (::renameat(folder_.get(), temporary.c_str(), folder_.get(), sha256.c_str()) != 0) {
    FailFile("cannot rename", shown_ / temporary, errno);
  }
}

bool ContentFolder::Share(const fs::path& file, std::string_view sha256) const {
  CheckSha256(sha256);
  const std::string temporary = std::string(kCopying).append(sha256);
  ::unlinkat(folder_.get(), temporary.c_str(), 0);
  if (::linkat(AT_FDCWD, file.c_str(), folder_.get(), temporary.c_str(), 0) != 0) return false;
  if (::renameat(folder_.get(), temporary.c_str(), folder_.get(), std::string(sha256).c_str()) !=
      0) {
    FailFile("cannot rename", shown_ / temporary, errno);
  }
  // Of two names of one file a rename removes neither.
  ::unlinkat(folder_.get(), temporary.c_str(), 0);
  ::fsync(folder_.get());
  return true;
}

void ContentFolder::Link(std::string_view sha256, int folder, const std::string& name,
                         const fs::path& shown) const {
  if (::linkat(folder_.get(), std::string(sha256).c_str(), folder, name.c_str(), 0) == 0) return;
  if (errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS) {
    throw Error(ErrorCode::kUnsupported,
                {.message = "the file system under the model store has no hard links",
                 .found = std::string("link refused for ") + name,
                 .where = shown.string(),
                 .hint = "put the store elsewhere with HYPRSTREAM_DATA"});
  }
  FailFile("cannot link file", shown / name, errno);
}

void ContentFolder::Remove(std::string_view sha256) const {
  if (::unlinkat(folder_.get(), std::string(sha256).c_str(), 0) != 0 && errno != ENOENT) {
    FailFile("cannot remove", PathOf(sha256), errno);
  }
}

std::vector<ContentFolder::Content> ContentFolder::List() const {
  std::vector<Content> contents;
  for (std::string& name : NamesIn(folder_.get())) {
    if (const std::optional<Found> found = Find(name)) {
      contents.push_back({.sha256 = std::move(name), .size = found->size});
    }
  }
  return contents;
}

void ContentFolder::RemoveDebris() const {
  for (const std::string& name : NamesIn(folder_.get())) {
    if (name.starts_with(kCopying)) ::unlinkat(folder_.get(), name.c_str(), 0);
  }
}

}  // namespace hyprstream::registry
