#include "base/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <string>

#include "base/error.h"
#include "base/posix_file.h"

namespace hyprstream {
using internal::FailFile;

AtomicFile::AtomicFile(std::filesystem::path target) : target_(std::move(target)) {
  // Not mkstemp: its files are private, and the process's umask cannot be read without setting it.
  constexpr int kAttempts = 100;
  std::random_device random;
  for (int attempt = 0; attempt < kAttempts && descriptor_ < 0; ++attempt) {
    temporary_ = internal::FolderOf(target_) /
                 ("." + target_.filename().string() + "." + std::to_string(random()));
    descriptor_ =
        ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor_ < 0 && errno != EEXIST) break;
  }
  if (descriptor_ < 0) FailFile("cannot create file", target_, errno);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::Write(std::span<const std::byte> bytes) {
  HYPR_CHECK(descriptor_ >= 0);
  internal::WriteAll(descriptor_, bytes, target_);
}

void AtomicFile::Commit() {
  HYPR_CHECK(descriptor_ >= 0);
  if (::fsync(descriptor_) != 0) FailFile("cannot sync file", target_, errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) FailFile("cannot rename", target_, errno);
  ::close(descriptor_);
  descriptor_ = -1;
  internal::SyncFolder(internal::FolderOf(target_));
}

}  // namespace hyprstream
