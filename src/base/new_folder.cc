#include "base/new_folder.h"

#include <fcntl.h>
#include <stdio.h>

#include <cerrno>

#include "base/error.h"
#include "base/posix_file.h"
#include "base/uuid.h"

namespace hyprstream {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void Fail(const fs::path& path, const std::error_code& problem) {
  throw Error(ErrorCode::kIo,
              {.message = "cannot create folder: " + problem.message(), .where = path.string()});
}

}  // namespace

void RequireNothingAt(const fs::path& path) {
  std::error_code ignored;
  const fs::file_status status = fs::symlink_status(path, ignored);
  if (!fs::exists(status)) return;
  if (fs::is_directory(status) && fs::is_empty(path, ignored)) return;
  throw Error(ErrorCode::kAlreadyExists,
              {.message = "there is something at the output's path already",
               .where = path.string(),
               .hint = "choose another path, or remove it"});
}

NewFolder::NewFolder(fs::path target, Existing existing)
    : target_(std::move(target)), existing_(existing) {
  if (!target_.has_filename()) target_ = target_.parent_path();  // "out/"
  if (existing_ == Existing::kRefuse) RequireNothingAt(target_);
  std::error_code problem;
  const fs::path parent = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
  fs::create_directories(parent, problem);
  temporary_ = parent / ("." + target_.filename().string() + "." + RandomUuid());
  if (!problem) fs::create_directory(temporary_, problem);
  if (problem) Fail(target_, problem);
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!done_) fs::remove_all(temporary_, ignored);
}

void NewFolder::Commit() {
  std::error_code problem;
  if (existing_ == Existing::kReplace && fs::is_directory(fs::symlink_status(target_, problem))) {
    // Both names change hands at once, so that there is a whole folder under the name at any time.
    if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0)
      internal::FailFile("cannot replace folder", target_, errno);
    done_ = true;
    fs::remove_all(temporary_, problem);
  } else {
    RequireNothingAt(target_);
    fs::rename(temporary_, target_, problem);
    if (problem) Fail(target_, problem);
    done_ = true;
  }
  internal::SyncFolder(internal::FolderOf(target_));
}

}  // namespace hyprstream
