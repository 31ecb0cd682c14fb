#include "base/new_folder.h"

#include <fcntl.h>
#include <stdio.h>

#include <cerrno>

#include "base/error.h"
#include "base/posix_file.h"

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
  if (problem) Fail(target_, problem);
  folder_ = internal::BeginFolder(target_);
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!done_) fs::remove_all(folder_.path, ignored);
}

void NewFolder::Commit() {
  std::error_code problem;
  if (existing_ == Existing::kReplace && fs::is_directory(fs::symlink_status(target_, problem))) {
    // Both names change hands at once, so that there is a whole folder under the name at any time.
    if (::renameat2(AT_FDCWD, folder_.path.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) !=
        0)
      internal::FailFile("cannot replace folder", target_, errno);
    done_ = true;
    fs::remove_all(folder_.path, problem);
  } else {
    RequireNothingAt(target_);
    fs::rename(folder_.path, target_, problem);
    if (problem) Fail(target_, problem);
    done_ = true;
  }
  internal::SyncFolder(internal::FolderOf(target_));
}

}  // namespace hyprstream
