#include "base/atomic_file.h"

#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace hyprstream {
using internal::FailFile;

AtomicFile::AtomicFile(std::filesystem::path target)
    : target_(std::move(target)), file_(internal::BeginFile(target_)) {}

AtomicFile::~AtomicFile() {
  // While it is locked: afterwards another may be at it.
  if (file_.descriptor.valid()) ::unlink(file_.path.c_str());
}

void AtomicFile::Write(std::span<const std::byte> bytes) {
  HYPR_CHECK(file_.descriptor.valid());
  internal::WriteAll(file_.descriptor.get(), bytes, target_);
}

void AtomicFile::Commit() {
  HYPR_CHECK(file_.descriptor.valid());
  if (::fsync(file_.descriptor.get()) != 0) FailFile("cannot sync file", target_, errno);
  if (::rename(file_.path.c_str(), target_.c_str()) != 0) FailFile("cannot rename", target_, errno);
  file_.descriptor = internal::Descriptor();
  internal::SyncFolder(internal::FolderOf(target_));
}

}  // namespace hyprstream
