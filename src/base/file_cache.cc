#include "base/file_cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/error.h"
#include "base/posix_file.h"

namespace hyprstream {
namespace {

namespace fs = std::filesystem;
using internal::Descriptor;
using internal::FailFile;

constexpr std::string_view kWriting = ".writing";

fs::path TemporaryOf(const fs::path& folder, std::string_view name) {
  return folder / ("." + std::string(name) + std::string(kWriting));
}

// False when `path` has been renamed or unlinked since it was opened.
bool StillNamed(int descriptor, const fs::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::lstat(path.c_str(), &named) == 0 &&
         opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

bool Lock(int descriptor, const fs::path& path) {
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno != EWOULDBLOCK) FailFile("cannot lock file", path, errno);
  return false;
}

std::vector<fs::directory_entry> Entries(const fs::path& folder) {
  std::vector<fs::directory_entry> entries;
  std::error_code failed;
  for (fs::directory_iterator at(folder, failed), end; !failed && at != end; at.increment(failed)) {
    entries.push_back(*at);
  }
  return entries;
}

void MakeFolder(const fs::path& folder) {
  std::error_code failed;
  if (fs::create_directories(folder, failed)) {
    fs::permissions(folder, fs::perms::owner_all, failed);
  }
  if (failed) FailFile("cannot make folder", folder, failed.value());
}

[[noreturn]] void Refuse(const fs::path& folder, Bytes size, Bytes most) {
  throw Error(ErrorCode::kResourceExhausted, {.message = "the cache has no room for a file",
                                              .expected = "at most " + FormatBytes(most),
                                              .found = FormatBytes(size),
                                              .where = folder.string()});
}

}  // namespace

std::shared_ptr<const MappedFile> FileCache::Find(std::string_view name) const {
  const fs::path path = folder_ / name;
  try {
    std::shared_ptr<const MappedFile> file = MappedFile::Open(path);
    // Where the folder cannot be written this fails, and then nothing is evicted either.
    ::utimensat(AT_FDCWD, path.c_str(), nullptr, 0);
    return file;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::kNotFound) return nullptr;
    throw;
  }
}

std::unique_ptr<FileCache::Writer> FileCache::Begin(std::string_view name, Bytes size) const {
  HYPR_CHECK(!name.empty() && name.front() != '.' && name.find('/') == name.npos);
  MakeFolder(folder_);
  SweepDebris();
  const fs::path temporary = TemporaryOf(folder_, name);
  constexpr int kAttempts = 3;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    Descriptor file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600));
    if (!file.valid()) FailFile("cannot create file", temporary, errno);
    if (!Lock(file.get(), temporary)) return nullptr;
    // Between opening and locking, another writer may have finished or a sweep may have passed.
    if (!StillNamed(file.get(), temporary)) continue;
    std::unique_ptr<Writer> writer(new Writer(folder_ / name, temporary, file.Take()));
    if (::ftruncate(writer->descriptor_, 0) != 0) {
      FailFile("cannot create file", temporary, errno);
    }
    MakeRoom(name, size);
    return writer;
  }
  return nullptr;
}

void FileCache::SweepDebris() const {
  for (const fs::directory_entry& entry : Entries(folder_)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with('.') || !name.ends_with(kWriting)) continue;
    const Descriptor file(
        ::open(entry.path().c_str(), O_WRONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
    if (!file.valid() || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) continue;
    if (StillNamed(file.get(), entry.path())) ::unlink(entry.path().c_str());
  }
}

void FileCache::MakeRoom(std::string_view name, Bytes size) const {
  if (size > limit_) Refuse(folder_, size, limit_);
  struct Used {
    fs::path path;
    uint64_t bytes;
    fs::file_time_type time;
  };
  std::vector<Used> used;
  uint64_t total = 0;
  for (const fs::directory_entry& entry : Entries(folder_)) {
    std::error_code failed;
    const fs::path path = entry.path();
    // What `name` holds now will be replaced.
    if (path.filename().string().starts_with('.') || path.filename() == name) continue;
    if (!fs::is_regular_file(fs::symlink_status(path, failed)) || failed) continue;
    const uint64_t bytes = fs::file_size(path, failed);
    if (failed) continue;
    const fs::file_time_type time = fs::last_write_time(path, failed);
    if (failed) continue;
    used.push_back({path, bytes, time});
    total += bytes;
  }
  std::sort(used.begin(), used.end(), [](const Used& a, const Used& b) { return a.time < b.time; });
  const uint64_t most = limit_.value - size.value;
  for (const Used& file : used) {
    if (total <= most) break;
    if (::unlink(file.path.c_str()) == 0) total -= file.bytes;
  }
  std::error_code failed;
  const fs::space_info space = fs::space(folder_, failed);
  if (!failed && size.value > space.available / 2) Refuse(folder_, size, {space.available / 2});
}

FileCache::Writer::~Writer() {
  if (descriptor_ < 0) return;
  ::unlink(temporary_.c_str());  // while it is locked, so that it is no other writer's
  ::close(descriptor_);
}

void FileCache::Writer::Write(std::span<const std::byte> bytes) {
  HYPR_CHECK(descriptor_ >= 0);
  internal::WriteAll(descriptor_, bytes, target_);
}

void FileCache::Writer::Commit() {
  HYPR_CHECK(descriptor_ >= 0);
  if (::fsync(descriptor_) != 0) FailFile("cannot sync file", target_, errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) {
    FailFile("cannot rename", target_, errno);
  }
  ::close(descriptor_);
  descriptor_ = -1;
  internal::SyncFolder(internal::FolderOf(target_));
}

}  // namespace hyprstream
