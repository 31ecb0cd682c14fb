#include "registry/folders.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/error.h"
#include "registry/names.h"

namespace hyprstream::registry {
namespace {

namespace fs = std::filesystem;
using internal::FailFile;

constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

Descriptor Again(int folder, const fs::path& shown) {
  Descriptor copy(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!copy.valid()) FailFile("cannot open folder", shown, errno);
  return copy;
}

[[noreturn]] void FailFolder(const fs::path& path, int error_number) {
  // Linux answers ENOTDIR for a link that O_DIRECTORY and O_NOFOLLOW meet together.
  if (error_number != ELOOP && error_number != ENOTDIR) {
    FailFile("cannot open folder", path, error_number);
  }
  throw Error(ErrorCode::kFailedPrecondition,
              {.message = "something else is where the store keeps a folder",
               .expected = "a folder",
               .found = "a file or a symbolic link",
               .where = path.string(),
               .hint = "nothing was touched behind it; move it away and try again"});
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

Descriptor OpenRoot(const fs::path& path, Missing missing) {
  if (missing == Missing::kCreate) {
    std::error_code failed;
    fs::create_directories(path, failed);
    if (failed) FailFile("cannot make folder", path, failed.value());
  }
  Descriptor root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!root.valid()) FailFile("cannot open folder", path, errno);
  return root;
}

Descriptor OpenBelow(int root, std::string_view relative, Missing missing, const fs::path& shown) {
  Descriptor at = Again(root, shown);
  fs::path where = shown;
  while (!relative.empty()) {
    const size_t end = std::min(relative.find('/'), relative.size());
    const std::string part(relative.substr(0, end));
    relative.remove_prefix(std::min(end + 1, relative.size()));
    HYPR_CHECK(!part.empty() && part != "." && part != "..");
    where /= part;
    if (missing == Missing::kCreate && ::mkdirat(at.get(), part.c_str(), 0777) != 0 &&
        errno != EEXIST) {
      FailFile("cannot make folder", where, errno);
    }
    Descriptor next(::openat(at.get(), part.c_str(), kFolderFlags));
    if (!next.valid()) FailFolder(where, errno);
    at = std::move(next);
  }
  return at;
}

std::optional<Found> FindFile(int folder, const std::string& name) {
  struct stat status {};
  if (::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  if (!S_ISREG(status.st_mode)) return std::nullopt;
  return Found{.size = static_cast<uint64_t>(status.st_size),
               .device = status.st_dev,
               .inode = status.st_ino};
}

std::optional<Found> FindFileBelow(int root, std::string_view relative) {
  const size_t slash = relative.rfind('/');
  if (slash == std::string_view::npos) return FindFile(root, std::string(relative));
  try {
    const Descriptor folder = OpenBelow(root, relative.substr(0, slash), Missing::kRefuse, {});
    return FindFile(folder.get(), std::string(relative.substr(slash + 1)));
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kNotFound || error.code() == ErrorCode::kFailedPrecondition) {
      return std::nullopt;
    }
    throw;
  }
}

void RemoveTree(int folder, const std::string& name, const fs::path& shown) {
  if (::unlinkat(folder, name.c_str(), 0) == 0 || errno == ENOENT) return;
  if (errno != EISDIR && errno != EPERM) FailFile("cannot remove", shown / name, errno);
  {
    const Descriptor inner(::openat(folder, name.c_str(), kFolderFlags));
    if (!inner.valid()) FailFile("cannot remove", shown / name, errno);
    for (const std::string& entry : NamesIn(inner.get())) {
      RemoveTree(inner.get(), entry, shown / name);
    }
  }
  if (::unlinkat(folder, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    FailFile("cannot remove", shown / name, errno);
  }
}

std::vector<std::string> NamesIn(int folder) {
  Descriptor again = Again(folder, {});
  const std::unique_ptr<DIR, CloseFolder> entries(::fdopendir(again.get()));
  if (entries == nullptr) FailFile("cannot read folder", {}, errno);
  again.Take();  // closed with the stream
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(entries.get());
    if (entry == nullptr) break;
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  if (errno != 0) FailFile("cannot read folder", {}, errno);
  return names;
}

Descriptor LockFile(int folder, const std::string& name, LockKind kind, const fs::path& shown) {
  Descriptor file(
      ::openat(folder, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
  if (!file.valid()) FailFile("cannot open lock", shown / name, errno);
  const int operation = kind == LockKind::kShared      ? LOCK_SH
                        : kind == LockKind::kExclusive ? LOCK_EX
                                                       : LOCK_EX | LOCK_NB;
  while (::flock(file.get(), operation) != 0) {
    if (errno == EWOULDBLOCK) return Descriptor();
    if (errno != EINTR) FailFile("cannot lock", shown / name, errno);
  }
  return file;
}

}  // namespace hyprstream::registry
